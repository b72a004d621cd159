using System.Diagnostics;
using BigFs.Cli.Errors;
using BigFs.Hosting;

namespace BigFs.Cli.Bench;

/// <summary>One measurement: connects, warms up, measures, tells.</summary>
internal sealed class BenchRun(CommandContext context, BenchPlan plan, IBenchWork work)
{
    /// <summary>Runs it and writes the result on standard output.</summary>
    /// <exception cref="PartFailedException">Some operations failed; the first error was told.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var tally = new BenchTally(work.Pieces);
        CpuMeter cpu = await FindServersAsync(cancellationToken);
        await work.ConnectAsync(cancellationToken);
        double idle = MemoryMeter.Idle();
        await WarmUpAsync(cancellationToken);

        cpu.Start();
        long start = Stopwatch.GetTimestamp();
        await using (BenchDisplay.Start(context, plan, tally))
        {
            await WorkAsync(tally, cancellationToken);
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
            throw new PartFailedException(tally.Failed, tally.Pieces);
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
        // A gateway does not tell which servers stand behind it.
        IReadOnlyList<BigFsInstance> instances = context.Endpoint.Scheme is "http" or "https"
            ? []
            : await context.Environment.Instances(context.ClientOptions(), cancellationToken);
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

    /// <summary>Something like it unmeasured: connections, compiled code and caches are there then.</summary>
    private async Task WarmUpAsync(CancellationToken cancellationToken)
    {
        if (plan.WarmUp == TimeSpan.Zero)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        int next = -1;
        await Task.WhenAll(Enumerable.Range(0, plan.Concurrency).Select(async _ =>
        {
            do
            {
                await work.WarmUpAsync(Interlocked.Increment(ref next), cancellationToken);
            }
            while (Stopwatch.GetElapsedTime(start) < plan.WarmUp);
        }));
        await work.CleanUpAsync(cancellationToken);
    }

    private Task WorkAsync(BenchTally tally, CancellationToken cancellationToken)
    {
        int next = -1;
        return Task.WhenAll(Enumerable.Range(0, Math.Min(plan.Concurrency, work.Pieces)).Select(async _ =>
        {
            for (int number = Interlocked.Increment(ref next); number < work.Pieces; number = Interlocked.Increment(ref next))
            {
                long began = Stopwatch.GetTimestamp();
                try
                {
                    BenchOutcome outcome = await work.RunAsync(number, cancellationToken);
                    tally.Succeeded(number, (outcome.Answered ?? Stopwatch.GetTimestamp()) - began, outcome);
                }
                catch (BigFsException error)
                {
                    tally.FailedWith(error);
                }
            }
        }));
    }
}
