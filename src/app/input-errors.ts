/** Input that a person has to mend: all its mistakes at once, each with its place. */

export class PolicyErrors extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the policies are not valid:\n  ${problems.join('\n  ')}`);
    this.name = 'PolicyErrors';
    this.problems = problems;
  }
}

/** All mistakes of all sources at once; nothing was opened. */
export class SourceErrors extends Error {
  constructor(problems: readonly string[]) {
    super(`the sources are not valid:\n  ${problems.join('\n  ')}`);
    this.name = 'SourceErrors';
  }
}
