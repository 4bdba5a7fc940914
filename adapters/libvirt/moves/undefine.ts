/** Removes a stored definition, and nothing else with it that its guest may use elsewhere. */

import { undefineDomain, xmlOf, type Domain } from '../calls/domain.ts';
import type { LibvirtHost } from '../host.ts';
import { surveyStorage } from '../host-survey.ts';
import { ERROR, UNDEFINE, XML } from '../native/constants.ts';
import { isLibvirtError, LibvirtError, messageOf } from '../native/errors.ts';
import { isTpmStateShared } from '../vm-survey.ts';
import { readDomain } from '../xml/domain.ts';

/** Not NVRAM or TPM state: on shared storage the guest uses it. */
export async function undefineCompletely(domain: Domain, host: LibvirtHost): Promise<void> {
  const { managedSave, snapshotsMetadata, checkpointsMetadata, keepNvram, keepTpm } = UNDEFINE;
  const flags = managedSave | snapshotsMetadata | checkpointsMetadata | keepNvram;
  try {
    await undefineDomain(domain, flags | keepTpm);
  } catch (error) {
    if (!isUnknownFlag(error)) throw error;
    // libvirt before 8.9 does not know the flag, and removes the state of a TPM that it emulates.
    await checkTpmState(domain, host);
    await undefineDomain(domain, flags);
  }
}

/** Local state belongs to the definition, and goes with it. */
async function checkTpmState(domain: Domain, host: LibvirtHost): Promise<void> {
  const document = readDomain(await xmlOf(domain, XML.inactive));
  const { storage } = await surveyStorage(domain.session, host.identity);
  if (!isTpmStateShared(document, storage)) return;
  const why = `libvirt before 8.9 on ${host.id} would remove the state of its TPM with it`;
  const advice = 'take the TPM out of the definition there (virsh edit)';
  throw new LibvirtError(0, `${why}: ${advice}`, false);
}

/** What every call of libvirt's answers to a flag of a later version (its virCheckFlags). */
function isUnknownFlag(error: unknown): boolean {
  return isLibvirtError(error, ERROR.invalidArgument) && /unsupported flags/.test(messageOf(error));
}
