using System.Diagnostics;
using BigFs.Cli.Errors;
using BigFs.Hosting;

namespace BigFs.Cli.Bench;

/// <summary>One measurement: connects, warms up, measures, tells.</summary>
internal sealed class BenchRun(CommandContext context, BenchPlan plan)
{
    /// <summary>Files of a warm-up are at most this long: it is to be short for large files, too.</summary>
    private const long MaxWarmUpSize = 32 << 20;

    private readonly IBigFsClient _client = context.Client;

    /// <summary>Runs it and writes the result on standard output.</summary>
    /// <exception cref="PartFailedException">Some operations failed; the first error was told.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        plan.Validate();
        var content = new BenchContent(plan.Operation == BenchOperation.Put ? plan.Size : 0);
        var tally = new BenchTally(plan.Count);
        CpuMeter cpu = await FindServersAsync(cancellationToken);
        await _client.FindAsync(plan.Operation == BenchOperation.Get ? plan.File(0) : plan.Prefix, cancellationToken);
        double idle = MemoryMeter.Idle();
        await WarmUpAsync(content.AtMost(MaxWarmUpSize), cancellationToken);

        cpu.Start();
        long start = Stopwatch.GetTimestamp();
        await using (BenchDisplay.Start(context, plan, tally))
        {
            await WorkAsync(content, tally, cancellationToken);
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double used = cpu.Stop();
        if (cpu.Lost > 0)
        {
            context.Console.Error.WriteLine($"bigfs: {cpu.Lost} server processes ended meanwhile; what they used is not counted.");
        }

        Tell(Result(tally, seconds, used, cpu.Servers, idle));
        if (tally.FirstError is { } error)
        {
            context.Report(error, cancellationToken);
            throw new PartFailedException(tally.Failed, tally.Done);
        }

        return ExitCode.Ok;
    }

    private BenchResult Result(BenchTally tally, double seconds, double cpuSeconds, int cpuServers, double idle) => new()
    {
        Plan = plan,
        Size = plan.Operation == BenchOperation.Put ? plan.Size : tally.Bytes / Math.Max(1, tally.Done),
        Replicas = tally.Replicas > 0 ? tally.Replicas : null,
        Durability = tally.Durability,
        Seconds = seconds,
        Bytes = tally.Bytes,
        Done = tally.Done,
        Failed = tally.Failed,
        Milliseconds = tally.SortedMilliseconds(),
        CpuSeconds = cpuSeconds,
        CpuServers = cpuServers,
        ClientIdleMebibytes = idle,
        ClientPeakMebibytes = MemoryMeter.Peak(),
    };

    private void Tell(BenchResult result)
    {
        if (context.Json)
        {
            context.WriteJson(result.WriteJson);
        }
        else
        {
            result.Write(context.Console.Output);
        }
    }

    private async Task<CpuMeter> FindServersAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<BigFsInstance> instances = await context.Environment.Instances(context.Endpoint, cancellationToken);
        var cpu = new CpuMeter(instances.Select(instance => instance.LocalProcessId).OfType<int>());
        int elsewhere = instances.Count(instance => instance.LocalProcessId is null);
        if (cpu.Servers == 0)
        {
            context.Console.Error.WriteLine("bigfs: no server of the cluster is known to run on this machine; the processor time is the client's alone.");
        }
        else if (elsewhere > 0)
        {
            context.Console.Error.WriteLine($"bigfs: {elsewhere} of {instances.Count} servers are not known to run on this machine; their processor time is not counted.");
        }

        return cpu;
    }

    /// <summary>The same work unmeasured, on files of its own for a put: connections, compiled code and caches are there then.</summary>
    private async Task WarmUpAsync(BenchContent content, CancellationToken cancellationToken)
    {
        if (plan.WarmUp == TimeSpan.Zero)
        {
            return;
        }

        BenchPlan warmUp = plan.Operation == BenchOperation.Get ? plan : plan with { Prefix = plan.Prefix / "warm-up" };
        long start = Stopwatch.GetTimestamp();
        int next = -1;
        await Task.WhenAll(Enumerable.Range(0, plan.Concurrency).Select(async _ =>
        {
            do
            {
                int number = Interlocked.Increment(ref next);
                await OperateAsync(warmUp, content, plan.Operation == BenchOperation.Get ? number % plan.Count : number, cancellationToken);
            }
            while (Stopwatch.GetElapsedTime(start) < plan.WarmUp);
        }));
        if (plan.Operation == BenchOperation.Put)
        {
            await _client.DeleteAsync(warmUp.Prefix, new DeleteOptions { Recursive = true }, cancellationToken);
        }
    }

    private Task WorkAsync(BenchContent content, BenchTally tally, CancellationToken cancellationToken)
    {
        int next = -1;
        return Task.WhenAll(Enumerable.Range(0, Math.Min(plan.Concurrency, plan.Count)).Select(async _ =>
        {
            for (int number = Interlocked.Increment(ref next); number < plan.Count; number = Interlocked.Increment(ref next))
            {
                long began = Stopwatch.GetTimestamp();
                try
                {
                    (BigFsFile file, DurabilityReceipt? receipt) = await OperateAsync(plan, content, number, cancellationToken);
                    tally.Succeeded(number, Stopwatch.GetTimestamp() - began, file, receipt);
                }
                catch (BigFsException error)
                {
                    tally.FailedWith(error);
                }
            }
        }));
    }

    private async Task<(BigFsFile File, DurabilityReceipt? Receipt)> OperateAsync(
        BenchPlan part, BenchContent content, int number, CancellationToken cancellationToken)
    {
        BigFsPath path = part.File(number);
        if (part.Operation == BenchOperation.Put)
        {
            UploadResult result = await content.UploadAsync(
                _client, path, new UploadOptions { Replicas = part.Replicas, Inline = part.Inline }, cancellationToken);
            return (result.File, result.Receipt);
        }

        using var sink = new CountingSink();
        BigFsFile file = await _client.DownloadAsync(path, sink, null, cancellationToken);
        if (sink.Length != file.Size)
        {
            string message = $"The file has {file.Size} bytes, and {sink.Length} came.";
            throw new BigFsException(BigFsErrorCode.Damaged, message) { Path = path.ToString() };
        }

        return (file, null);
    }
}
