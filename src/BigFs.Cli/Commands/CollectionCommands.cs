using System.CommandLine;
using BigFs.Cli.Errors;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin collection | resume-collection | raise-generation</c>: deletions after a restore.</summary>
internal static class CollectionCommands
{
    public static Command Show(BigFsCommandLine line) => Make(
        line,
        "collection",
        "Shows the namespace's generation and whether deletions are carried out.",
        (admin, cancellationToken) => admin.CollectionAsync(cancellationToken));

    public static Command Resume(BigFsCommandLine line) => Make(
        line,
        "resume-collection",
        "Lets deletions be carried out again after a restore.",
        (admin, cancellationToken) => admin.ResumeCollectionAsync(cancellationToken));

    public static Command Raise(BigFsCommandLine line) => Make(
        line,
        "raise-generation",
        "Begins a new generation after a restore with a database's own tools (PostgreSQL); deletions wait from then on.",
        (admin, cancellationToken) => admin.RaiseGenerationAsync(cancellationToken));

    private static Command Make(
        BigFsCommandLine line, string name, string description, Func<BigFsAdmin, CancellationToken, Task<BigFsCollection>> act)
    {
        var command = new Command(name, description);
        line.SetAction(command, async (_, context, cancellationToken) =>
        {
            await using var admin = new BigFsAdmin(context.ClientOptions());
            BigFsCollection state = await act(admin, cancellationToken);
            if (context.Json)
            {
                context.WriteJson(writer =>
                {
                    writer.WriteNumber("generation", state.Generation);
                    writer.WriteBoolean("paused", state.IsPaused);
                });
            }
            else
            {
                context.Console.Output.WriteLine(
                    $"generation {state.Generation}, deletions {(state.IsPaused ? "wait for \"bigfs admin resume-collection\"" : "are carried out")}");
            }

            return ExitCode.Ok;
        });
        return command;
    }
}
