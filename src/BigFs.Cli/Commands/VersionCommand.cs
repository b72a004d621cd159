using System.CommandLine;
using System.Reflection;
using BigFs.Cli.Errors;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs version</c>: this program's version.</summary>
internal static class VersionCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var command = new Command("version", "Shows the version of this program.");
        line.SetAction(command, (_, context, _) =>
        {
            string version = typeof(VersionCommand).Assembly
                .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
            if (context.Json)
            {
                context.WriteJson(writer => writer.WriteString("version", version));
            }
            else
            {
                context.Console.Output.WriteLine($"bigfs {version}");
            }

            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }
}
