using BigFs.Cli;

PoolSpinning.Settle(args);
using var interruption = new Interruption();
var environment = new CliEnvironment(CliConsole.OfProcess());
int exitCode = await new BigFsCommandLine(environment).RunAsync(args, interruption.Token);
environment.Console.Flush();
return exitCode;
