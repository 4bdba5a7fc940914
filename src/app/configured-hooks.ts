/** The hooks of the daemon's file, ready to run. */

import type { HookConfig } from '../config/daemon.ts';
import type { Hook, HookCall } from '../ports/hooks.ts';
import { runCommand } from './hook-command.ts';
import { callWebhook } from './hook-webhook.ts';

export function configuredHooks(hooks: readonly HookConfig[]): readonly Hook[] {
  return hooks.map((hook) => {
    const { name, attempts, wellSeconds, patienceSeconds, timeoutSeconds, action } = hook;
    const run = (call: HookCall, signal: AbortSignal): ReturnType<Hook['run']> =>
      action.kind === 'command'
        ? runCommand(action.command, timeoutSeconds, call, signal)
        : callWebhook(action, timeoutSeconds, call, signal);
    return { name, attempts, wellSeconds, patienceSeconds, timeoutSeconds, run };
  });
}
