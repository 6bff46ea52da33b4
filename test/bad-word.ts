/**
 * What a person got wrong on the command line of a test tool (the simulator, the lab): one line
 * that says what is wanted, without a stack, and exit code 2.
 */

/** See the head of the file. */
export class BadWord extends Error {}

/** Runs a tool. @param name stands before the line. */
export async function runTool(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof BadWord)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exitCode = 2;
  }
}
