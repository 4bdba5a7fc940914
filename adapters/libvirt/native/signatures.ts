/**
 * The part of libvirt's C API that Drover uses, as a table: the library binds it and the compiler
 * derives the types of every call from it. Source: libvirt-host.h, libvirt-domain.h,
 * libvirt-storage.h, libvirt-stream.h, libvirt-network.h, libvirt-interface.h, libvirt-event.h,
 * virterror.h.
 */

/** `memory` is a buffer of ours that the function reads or fills; `pointer` is one of libvirt's. */
export type ArgumentKind = 'pointer' | 'memory' | 'text' | 'int' | 'uint' | 'ulong' | 'uint64';
export type ResultKind = 'pointer' | 'int' | 'void';

export interface Signature {
  readonly result: ResultKind;
  readonly arguments: readonly ArgumentKind[];
}

const P = 'pointer';
const M = 'memory';
const T = 'text';
const I = 'int';
const U = 'uint';

function returns<Result extends ResultKind, const Arguments extends readonly ArgumentKind[]>(
  result: Result,
  ...args: Arguments
): { readonly result: Result; readonly arguments: Arguments } {
  return { result, arguments: args };
}

export const SIGNATURES = {
  virInitialize: returns(I),
  virEventRegisterDefaultImpl: returns(I),
  virEventAddTimeout: returns(I, I, P, P, P),
  virEventRunDefaultImpl: returns(I),
  virSetErrorFunc: returns('void', P, P),

  virConnectOpen: returns(P, T),
  virConnectClose: returns(I, P),
  virConnectIsAlive: returns(I, P),
  virConnectSetKeepAlive: returns(I, P, I, U),
  virConnGetLastError: returns(P, P),
  virConnectGetVersion: returns(I, P, M),
  virConnectGetLibVersion: returns(I, P, M),
  virConnectGetCapabilities: returns(P, P),
  virConnectGetDomainCapabilities: returns(P, P, T, T, T, T, U),
  virConnectBaselineHypervisorCPU: returns(P, P, T, T, T, T, M, U, U),
  virConnectCompareHypervisorCPU: returns(I, P, T, T, T, T, T, U),

  virNodeGetInfo: returns(I, P, M),
  virNodeGetCPUStats: returns(I, P, I, M, M, U),
  virNodeGetMemoryStats: returns(I, P, I, M, M, U),
  virNodeGetFreePages: returns(I, P, U, M, I, U, M, U),

  virConnectListAllDomains: returns(I, P, M, U),
  virConnectGetAllDomainStats: returns(I, P, U, M, U),
  virDomainStatsRecordListFree: returns('void', P),
  virDomainLookupByUUIDString: returns(P, P, T),
  virDomainLookupByName: returns(P, P, T),
  virDomainDefineXML: returns(P, P, T),
  virDomainFree: returns(I, P),
  virDomainGetUUIDString: returns(I, P, M),
  virDomainGetXMLDesc: returns(P, P, U),
  virDomainGetState: returns(I, P, M, M, U),
  virDomainIsActive: returns(I, P),
  virDomainIsPersistent: returns(I, P),
  virDomainGetAutostart: returns(I, P, M),
  virDomainSetAutostart: returns(I, P, I),
  virDomainGetMetadata: returns(P, P, I, T, U),
  virDomainSetMetadata: returns(I, P, I, T, T, T, U),
  virDomainSnapshotNum: returns(I, P, U),
  virDomainListAllCheckpoints: returns(I, P, P, U),
  virDomainGetBlockInfo: returns(I, P, T, M, U),
  virDomainCreate: returns(I, P),
  virDomainShutdownFlags: returns(I, P, U),
  virDomainDestroyFlags: returns(I, P, U),
  virDomainUndefineFlags: returns(I, P, U),

  virDomainGetJobStats: returns(I, P, M, M, M, U),
  virDomainAbortJob: returns(I, P),
  virDomainMigrateToURI3: returns(I, P, T, P, U, U),
  virDomainMigrateSetMaxSpeed: returns(I, P, 'ulong', U),
  virDomainMigrateSetMaxDowntime: returns(I, P, 'uint64', U),
  virDomainMigrateStartPostCopy: returns(I, P, U),
  virDomainStartDirtyRateCalc: returns(I, P, I, U),

  virTypedParamsAddULLong: returns(I, M, M, M, T, 'uint64'),
  virTypedParamsAddString: returns(I, M, M, M, T, T),
  virTypedParamsFree: returns('void', P, I),

  virConnectListAllStoragePools: returns(I, P, M, U),
  virStoragePoolGetXMLDesc: returns(P, P, U),
  virStoragePoolLookupByName: returns(P, P, T),
  virStoragePoolRefresh: returns(I, P, U),
  virStoragePoolFree: returns(I, P),
  virStorageVolLookupByName: returns(P, P, T),
  virStorageVolCreateXML: returns(P, P, T, U),
  virStorageVolGetXMLDesc: returns(P, P, U),
  virStorageVolDelete: returns(I, P, U),
  virStorageVolDownload: returns(I, P, P, 'uint64', 'uint64', U),
  virStorageVolUpload: returns(I, P, P, 'uint64', 'uint64', U),
  virStorageVolFree: returns(I, P),

  virStreamNew: returns(P, P, U),
  virStreamRecvFlags: returns(I, P, M, 'uint64', U),
  virStreamRecvHole: returns(I, P, M, U),
  virStreamSend: returns(I, P, M, 'uint64'),
  virStreamSendHole: returns(I, P, 'uint64', U),
  virStreamFinish: returns(I, P),
  virStreamAbort: returns(I, P),
  virStreamFree: returns(I, P),

  virConnectListAllNetworks: returns(I, P, M, U),
  virNetworkGetXMLDesc: returns(P, P, U),
  virNetworkFree: returns(I, P),
  virConnectListAllInterfaces: returns(I, P, M, U),
  virInterfaceGetXMLDesc: returns(P, P, U),
  virInterfaceFree: returns(I, P),
} as const satisfies Record<string, Signature>;

export type FunctionName = keyof typeof SIGNATURES;
/** An address in libvirt's memory. */
export type Pointer = bigint;
export type Memory = Uint8Array | BigUint64Array | Uint32Array | Int32Array;

interface ArgumentTypes {
  readonly pointer: Pointer | null;
  readonly memory: Memory | null;
  readonly text: string | null;
  readonly int: number;
  readonly uint: number;
  readonly ulong: number;
  readonly uint64: number;
}
interface ResultTypes {
  readonly pointer: Pointer | null;
  readonly int: number;
  readonly void: undefined;
}

type ArgumentsOf<Kinds extends readonly ArgumentKind[]> = {
  [Index in keyof Kinds]: ArgumentTypes[Kinds[Index]];
};

export type Arguments<Name extends FunctionName> = ArgumentsOf<
  (typeof SIGNATURES)[Name]['arguments']
>;
export type Result<Name extends FunctionName> = ResultTypes[(typeof SIGNATURES)[Name]['result']];
