using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using BigFs.Cli.Commands;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli;

/// <summary>The <c>bigfs</c> command: its tree of commands, and the one door through which each of them runs.</summary>
internal sealed class BigFsCommandLine
{
    // No "@file" arguments: a file may well be called that.
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    private readonly CliEnvironment _environment;
    private readonly Option<string> _endpoint = new("--endpoint")
    {
        Description = $"The cluster, bigfs://HOST:PORT, or http(s)://HOST:PORT of a gateway; default ${EndpointAddress.Variable}, else {EndpointAddress.Default.OriginalString}.",
        HelpName = "ENDPOINT",
        Recursive = true,
    };

    private readonly Option<string> _keyFile = new("--api-key-file")
    {
        Description = $"A file with the access key that the cluster asks for; default ${ApiKey.Variable}.",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<bool> _json = new("--json")
    {
        Description = "Data on standard output and errors on standard error as JSON, one object a line.",
        Recursive = true,
    };

    private readonly Option<bool> _quiet = new("--quiet", "-q")
    {
        Description = "No progress and no summaries.",
        Recursive = true,
    };

    public BigFsCommandLine(CliEnvironment environment)
    {
        _environment = environment;
        bool inShell = environment.ShellClient is not null;
        Root = new RootCommand("BigFS: files spread over datanodes, each part kept several times.") { _json, _quiet };
        Root.Add(CopyCommand.Make(this));
        Root.Add(ListCommand.Make(this));
        Root.Add(StatCommand.Make(this));
        Root.Add(TotalsCommand.Make(this));
        Root.Add(CatCommand.Make(this));
        Root.Add(MakeDirectoryCommand.Make(this));
        Root.Add(MoveCommand.Make(this));
        Root.Add(RemoveCommand.Make(this));
        Root.Add(VersionCommand.Make(this));
        if (!inShell)
        {
            Root.Add(_endpoint);
            Root.Add(_keyFile);
            Root.Add(ShellCommand.Make(this));
            Root.Add(DevCommand.Make(this));
            Root.Add(RunCommand.Make(this));
            Root.Add(BenchCommand.Make(this));
            Root.Add(AdminCommand.Make(this));
        }
    }

    /// <summary>The tree of commands.</summary>
    public RootCommand Root { get; }

    /// <summary>Runs a command line to its end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        ParseResult parsed = Root.Parse(arguments, Parsing);
        bool helpOrVersion = parsed.Action is not null and not System.CommandLine.Invocation.ParseErrorAction
            && (parsed.Action is HelpAction || parsed.GetResult("--version") is not null);
        if (!helpOrVersion && Problem(parsed, arguments) is { } problem)
        {
            return Refuse(parsed, problem);
        }

        var invocation = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = _environment.Console.Output,
            Error = _environment.Console.Error,
        };
        int exitCode = await parsed.InvokeAsync(invocation, cancellationToken);
        _environment.Console.Flush();
        return exitCode;
    }

    /// <summary>Gives a command its action, which every failure leaves as a sentence and an exit code.</summary>
    public void SetAction(Command command, Func<ParseResult, CommandContext, CancellationToken, Task<int>> action) =>
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, action, cancellationToken, cancellationToken));

    /// <summary>The same for a command that runs until it is told to stop: being told is its ordinary end.</summary>
    public void SetServiceAction(Command command, Func<ParseResult, CommandContext, CancellationToken, Task<int>> action) =>
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, action, cancellationToken, CancellationToken.None));

    private async Task<int> RunAsync(
        ParseResult parsed,
        Func<ParseResult, CommandContext, CancellationToken, Task<int>> action,
        CancellationToken cancellationToken,
        CancellationToken interrupted)
    {
        await using CommandContext context = MakeContext(parsed);
        try
        {
            return await action(parsed, context, cancellationToken);
        }
        catch (Exception exception)
        {
            return context.Report(exception, interrupted);
        }
    }

    private CommandContext MakeContext(ParseResult parsed) => new(
        _environment,
        parsed.GetValue(_json),
        parsed.GetValue(_quiet),
        _environment.ShellClient is null ? parsed.GetValue(_endpoint) : null,
        _environment.ShellClient is null ? parsed.GetValue(_keyFile) : null);

    private string? Problem(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            return $"\"{unknown}\" is no command, option or argument here.";
        }

        if (parsed.CommandResult.Command == Root)
        {
            return $"A command is missing: {string.Join(", ", Root.Subcommands.Select(command => command.Name))}.";
        }

        if (parsed.Errors is [var error, ..])
        {
            return error.Message;
        }

        // Otherwise a misspelt option would be taken for a file of that name.
        string? option = parsed.CommandResult.Tokens.Select(token => token.Value)
            .FirstOrDefault(value => value is ['-', _, ..] && arguments.TakeWhile(a => a != "--").Contains(value));
        return option is null ? null : $"\"{option}\" is no option here; what is called so comes after \"--\".";
    }

    private int Refuse(ParseResult parsed, string problem)
    {
        string name = "bigfs";
        for (SymbolResult? part = parsed.CommandResult; part is CommandResult result && result.Command != Root; part = part.Parent)
        {
            name = name.Insert("bigfs".Length, " " + result.Command.Name);
        }

        var failure = Failure.Of(
            new UsageException($"{problem} (\"{name} --help\" shows how.)"), CancellationToken.None);
        failure.Write(_environment.Console.Error, parsed.GetValue(_json));
        return failure.ExitCode;
    }
}
