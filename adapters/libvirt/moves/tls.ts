/**
 * What to look at where a live move fails over TLS. libvirt cannot be asked beforehand whether QEMU
 * has its certificates: the start tells, in words that name neither the host nor the setting (seen
 * with libvirt 11.3 and QEMU 10.0: "Unable to access credentials …", "The TLS connection was
 * non-properly terminated", "Certificate does not match the hostname …").
 */

import { LibvirtError } from '../native/errors.ts';
import type { Ends } from './settle.ts';

const ABOUT_TLS = /\bTLS\b|_TLS\b|\bx509\b|certificate|credentials/i;

/** The same promise; where it fails over TLS, its message says what to look at, too. */
export async function explainingTls<T>(moving: Promise<T>, ends: Ends, tls: boolean): Promise<T> {
  try {
    return await moving;
  } catch (error) {
    if (!(error instanceof LibvirtError) || !ABOUT_TLS.test(error.message)) throw error;
    throw new LibvirtError(error.code, `${error.message} (${adviceFor(ends, tls)})`, error.lost);
  }
}

function adviceFor({ from, to }: Ends, tls: boolean): string {
  if (!tls) return 'set tls: true for the source, if its hosts move nothing unencrypted';
  return (
    `tls: look for the certificates of QEMU on ${from.id} and ${to.id}, where qemu.conf has ` +
    `migrate_tls_x509_cert_dir, and whether that of ${to.id} names the address: else set tlsName`
  );
}
