using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace BigFs.Cli.Roles;

/// <summary>A role as a child process: its ready line, its log lines, its end.</summary>
internal sealed class RoleProcess : IAsyncDisposable
{
    private const int SignalTerminate = 15;
    private const string FailureStart = "{\"error\":";

    /// <summary>How long a role may take to stop when asked before it is killed: its data survive that, too.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A Ctrl-C reaches the children as well; whoever ends this shortly before the parent's turn is no news.</summary>
    private static readonly TimeSpan Together = TimeSpan.FromMilliseconds(300);

    private readonly string _name;
    private readonly string _command;
    private readonly Process _process;
    private readonly int _processId;
    private readonly Task<string?> _errors;

    private RoleProcess(string name, string command, Process process, CommandContext context)
    {
        _name = name;
        _command = command;
        _process = process;
        _processId = process.Id;
        _errors = ForwardErrorsAsync(context.Console.Error);
        Ready = ReadReadyLineAsync();
    }

    /// <summary>The roles of the process once it is ready; fails when it ends before.</summary>
    public Task<IReadOnlyList<RoleLine>> Ready { get; }

    /// <summary>Starts this program once more.</summary>
    public static RoleProcess Start(string name, IReadOnlyList<string> arguments, CommandContext context)
    {
        ThisProgram program = ThisProgram.Current();
        var start = new ProcessStartInfo(program.FileName, [.. program.FirstArguments, .. arguments, "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start)
            ?? throw new InvalidOperationException($"The system did not start \"{program.FileName}\".");
        return new RoleProcess(name, program.CommandLine(arguments), process, context);
    }

    /// <summary>Says when the process has ended by itself, and how to start it again.</summary>
    public async Task TellEndAsync(CommandContext context, CancellationToken stopping)
    {
        try
        {
            await _process.WaitForExitAsync(stopping);
            await Task.Delay(Together, context.Environment.Time, stopping);
            context.Console.Error.WriteLine(
                $"bigfs: {_name} (pid {_processId}) {HowEnded(_process.ExitCode)} and stays down. To start it again: {_command}");
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The whole cluster stops.
        }
    }

    public async ValueTask DisposeAsync()
    {
        AskToStop();
        using var patience = new CancellationTokenSource(StopTimeout);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        await _errors;
        // Observed here when it ended before it was ready and nobody waited for it.
        await Ready.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _process.Dispose();
    }

    private static string HowEnded(int exitCode) =>
        exitCode > 128 ? $"was killed by signal {exitCode - 128}" : $"ended with exit code {exitCode}";

    private void AskToStop()
    {
        if (_process.HasExited)
        {
            return;
        }

        if (OperatingSystem.IsWindows())
        {
            _process.Kill();
        }
        else
        {
            // Fails only when it has just ended.
            _ = Kill(_process.Id, SignalTerminate);
        }
    }

    private async Task<IReadOnlyList<RoleLine>> ReadReadyLineAsync()
    {
        string? line = await _process.StandardOutput.ReadLineAsync();
        if (line is null)
        {
            throw Failed(await _errors);
        }

        return [.. RoleLine.ReadAll(line).Select(role => role with { Command = _command })];
    }

    /// <summary>Passes log lines on; returns the failure that the process ended with, if it said one.</summary>
    private async Task<string?> ForwardErrorsAsync(TextWriter error)
    {
        string? failure = null;
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(FailureStart, StringComparison.Ordinal))
            {
                failure = line;
            }

            await error.WriteLineAsync($"[{_name}] {line}");
        }

        return failure;
    }

    /// <summary>What the process said when it failed, as its parent's own failure.</summary>
    private BigFsException Failed(string? failureLine)
    {
        if (failureLine is not null)
        {
            using var failure = JsonDocument.Parse(failureLine);
            string message = failure.RootElement.GetProperty("message").GetString() ?? "";
            bool known = Enum.TryParse(failure.RootElement.GetProperty("error").GetString(), out BigFsErrorCode code);
            return new BigFsException(known ? code : BigFsErrorCode.Internal, $"{_name} did not start: {message}");
        }

        return new BigFsException(BigFsErrorCode.Internal, $"{_name} (pid {_processId}) ended before it was ready.");
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int processId, int signal);
}
