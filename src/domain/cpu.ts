/** Processors as compatibility sees them: what a host offers and what a running guest was given. */

import type { Ratio } from './units.ts';

export const CPU_VENDORS = ['intel', 'amd', 'hygon', 'zhaoxin', 'arm', 'ibm'] as const;
export type CpuVendor = (typeof CPU_VENDORS)[number];

/**
 * Microarchitecture levels of the x86-64 psABI (System V ABI, AMD64 supplement, "Micro-Architecture
 * Levels").
 */
export const CPU_LEVELS = ['x86-64-v1', 'x86-64-v2', 'x86-64-v3', 'x86-64-v4'] as const;
export type CpuLevel = (typeof CPU_LEVELS)[number];

export interface HostCpu {
  /** Instruction set as the hypervisor names it: x86_64, aarch64, ppc64le, s390x. */
  readonly arch: string;
  /** Undefined when it could not be read: then nothing is compatible with it. */
  readonly vendor: CpuVendor | undefined;
  readonly model: string | undefined;
  readonly level: CpuLevel | undefined;
  /** What guests can be given here, sorted. Undefined when it could not be read. */
  readonly features: readonly string[] | undefined;
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
  /** Speed of one thread relative to the fleet's reference (1.0), > 0. */
  readonly coreSpeed: Ratio;
  /** Name of a cluster CPU baseline that this host enforces (EVC, CPU compatibility mode). */
  readonly baseline: string | undefined;
}

export const GUEST_CPU_MODES = ['passthrough', 'host-model', 'named', 'unknown'] as const;
export type GuestCpuMode = (typeof GUEST_CPU_MODES)[number];

/** The CPU that the guest was *started* with, which is what it will go on using after a move. */
export interface GuestCpu {
  readonly mode: GuestCpuMode;
  readonly vendor: CpuVendor | undefined;
  readonly model: string | undefined;
  /** Features that the guest can see, sorted. Undefined when they could not be read. */
  readonly features: readonly string[] | undefined;
  readonly baseline: string | undefined;
  /** The guest was promised a TSC that neither stops nor changes its rate. */
  readonly invariantTsc: boolean;
  /** The guest can run guests of its own. */
  readonly nested: boolean;
}
