/**
 * What stopping and starting a guest's system is taken to last, until finished moves say better: an
 * assumption, on the long side of what servers need.
 */
export const COLD_SHUTDOWN_SECONDS = 30;
export const COLD_BOOT_SECONDS = 30;
