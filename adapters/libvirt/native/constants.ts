/**
 * The numbers of libvirt's C API that Drover uses, under the names they have there. Source: the
 * headers of libvirt 11.3 (libvirt-host.h, libvirt-domain.h, virterror.h). They are part of its
 * stable ABI: values are only ever added.
 */

/** virDomainState. */
export const DOMAIN_STATE = {
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/**
 * virDomainShutoffReason. A guest that was only defined is `unknown`, and so is any that is off
 * since before its daemon was restarted.
 */
export const SHUTOFF_REASON = {
  unknown: 0,
  shutdown: 1,
  destroyed: 2,
  crashed: 3,
  migrated: 4,
  saved: 5,
  failed: 6,
  fromSnapshot: 7,
  daemon: 8,
} as const;

/** virDomainRunningReason. */
export const RUNNING_REASON = { postCopy: 10, postCopyFailed: 11 } as const;

/** virDomainPausedReason. */
export const PAUSED_REASON = {
  migration: 2,
  startingUp: 11,
  postCopy: 12,
  postCopyFailed: 13,
} as const;

/** virDomainXMLFlags. */
export const XML = { live: 0, secure: 1, inactive: 2, migratable: 8 } as const;

/** virDomainModificationImpact. */
export const AFFECT = { live: 1, config: 2 } as const;

/** virDomainMetadataType. */
export const METADATA_ELEMENT = 2;

/** virDomainMigrateFlags. */
export const MIGRATE = {
  live: 1 << 0,
  peerToPeer: 1 << 1,
  persistTarget: 1 << 3,
  undefineSource: 1 << 4,
  copyDisks: 1 << 6,
  offline: 1 << 10,
  abortOnError: 1 << 12,
  autoConverge: 1 << 13,
  postCopy: 1 << 15,
  tls: 1 << 16,
} as const;

/** virDomainUndefineFlagsValues. Whatever state belongs to the guest is kept: it went along. */
export const UNDEFINE = {
  managedSave: 1 << 0,
  snapshotsMetadata: 1 << 1,
  keepNvram: 1 << 3,
  checkpointsMetadata: 1 << 4,
  keepTpm: 1 << 6,
} as const;

/** virDomainShutdownFlagValues. */
export const SHUTDOWN = { acpi: 1 << 0, agent: 1 << 1 } as const;

/** virDomainJobType. */
export const JOB_TYPE = { none: 0, completed: 3, failed: 4, cancelled: 5 } as const;

/** virDomainJobOperation. */
export const JOB_OPERATION = { start: 1, migrationIn: 4, migrationOut: 5 } as const;

/** virDomainGetJobStatsFlags. */
export const JOB_STATS = { completed: 1, keepCompleted: 2 } as const;

/** virDomainStatsTypes. */
export const STATS = {
  state: 1 << 0,
  cpu: 1 << 1,
  balloon: 1 << 2,
  vcpu: 1 << 3,
  interface: 1 << 4,
  block: 1 << 5,
  dirtyRate: 1 << 9,
} as const;
/**
 * virConnectGetAllDomainStatsFlags: running guests only, and do not wait for one that is busy
 * with a job: a poll must not hang behind a migration.
 */
export const STATS_FLAGS = { active: 1 << 0, noWait: 1 << 29 } as const;

/** virDomainMigrateMaxSpeedFlags: of which part of a migration. */
export const MAX_SPEED = { preCopy: 0, postCopy: 1 << 0 } as const;

/** virDomainDirtyRateStatus. */
export const DIRTY_RATE_MEASURED = 2;

/** virConnectBaselineCPUFlags. */
export const BASELINE_EXPAND_FEATURES = 1;

/** virConnectCompareCPUFlags: an incompatible CPU is an error whose text names the features. */
export const COMPARE_FAIL_INCOMPATIBLE = 1;

/** virStorageVolDownloadFlags, virStorageVolUploadFlags: what was never written is not sent. */
export const SPARSE_STREAM = 1;
/** virStreamRecvFlagsValues, and what virStreamRecvFlags then returns at a hole. */
export const STOP_AT_HOLE = 1;
export const AT_HOLE = -3;

/** virConnectList*Flags of pools, networks and interfaces. */
export const LIST_ACTIVE = { pools: 1 << 1, networks: 1 << 1, interfaces: 1 << 1 } as const;

/** virErrorNumber. */
export const ERROR = {
  internal: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArgument: 8,
  operationFailed: 9,
  xml: 27,
  denied: 29,
  system: 38,
  rpc: 39,
  gnutls: 40,
  noDomain: 42,
  authFailed: 45,
  noStoragePool: 49,
  noStorageVolume: 50,
  operationInvalid: 55,
  configUnsupported: 67,
  operationTimeout: 68,
  argumentUnsupported: 74,
  authCancelled: 79,
  noMetadata: 80,
  migrateUnsafe: 81,
  blockCopyActive: 83,
  operationUnsupported: 84,
  ssh: 85,
  resourceBusy: 87,
  accessDenied: 88,
  storageVolumeExists: 90,
  cpuIncompatible: 91,
  authUnavailable: 94,
  libssh: 98,
} as const;
