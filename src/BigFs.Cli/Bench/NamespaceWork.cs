using System.Diagnostics;

namespace BigFs.Cli.Bench;

/// <summary>Operations on names: making empty files, finding, listing and deleting them.</summary>
internal sealed class NamespaceWork(IBenchNamespace names, BenchPlan plan) : IBenchWork
{
    /// <summary>A listing is one piece for each caller, of the whole directory.</summary>
    public int Pieces => plan.Operation == BenchOperation.List ? plan.Concurrency : plan.Count;

    public Task ConnectAsync(CancellationToken cancellationToken) =>
        names.FindAsync(plan.Operation is BenchOperation.Create or BenchOperation.List ? plan.Prefix : plan.File(0), cancellationToken);

    public async Task<BenchOutcome> RunAsync(int number, CancellationToken cancellationToken)
    {
        BigFsPath path = plan.File(number);
        switch (plan.Operation)
        {
            case BenchOperation.Create:
                (BigFsFile file, BigFsDurability? durability) = await names.CreateAsync(path, cancellationToken);
                return new BenchOutcome { Replicas = file.Replicas, Durability = durability };
            case BenchOperation.Stat:
                return await names.FindAsync(path, cancellationToken) is BigFsFile found
                    ? new BenchOutcome { Replicas = found.Replicas }
                    : throw Missing(path);
            case BenchOperation.Delete:
                return await names.DeleteAsync(path, recursive: false, cancellationToken) ? new BenchOutcome() : throw Missing(path);
            default:
                return await ListAsync(cancellationToken);
        }
    }

    public async Task WarmUpAsync(int number, CancellationToken cancellationToken)
    {
        switch (plan.Operation)
        {
            case BenchOperation.Create:
                await names.CreateAsync(plan.WarmUpFile(number), cancellationToken);
                break;
            case BenchOperation.Delete:
                await names.CreateAsync(plan.WarmUpFile(number), cancellationToken);
                await names.DeleteAsync(plan.WarmUpFile(number), recursive: false, cancellationToken);
                break;
            default:
                await RunAsync(number % plan.Count, cancellationToken);
                break;
        }
    }

    public Task CleanUpAsync(CancellationToken cancellationToken) =>
        plan.Operation is BenchOperation.Create or BenchOperation.Delete
            ? names.DeleteAsync(plan.WarmUpPrefix, recursive: true, cancellationToken)
            : Task.CompletedTask;

    private static BigFsException Missing(BigFsPath path) =>
        new(BigFsErrorCode.NotFound, $"There is no file {path}; \"bench create\" or \"bench put\" of the same prefix and count makes it.")
        {
            Path = path.ToString(),
        };

    private async Task<BenchOutcome> ListAsync(CancellationToken cancellationToken)
    {
        int entries = 0;
        long first = 0;
        await foreach (BigFsEntry entry in names.ListAsync(plan.Prefix, cancellationToken))
        {
            if (entries++ == 0)
            {
                first = Stopwatch.GetTimestamp();
            }
        }

        return entries == plan.Count
            ? new BenchOutcome { Operations = entries, Answered = first }
            : throw new BigFsException(
                BigFsErrorCode.NotFound, $"{plan.Prefix} has {entries} entries, and {plan.Count} were to be listed (--count).")
            {
                Path = plan.Prefix.ToString(),
            };
    }
}
