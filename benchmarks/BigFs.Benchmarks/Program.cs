using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BigFs.Benchmarks;
using BigFs.Benchmarks.Metadata;

if (args is ["metadata", .. string[] own])
{
    return await MetadataBench.RunAsync(own);
}

if (args is ["metadata-reference", .. string[] rest])
{
    return MetadataReference.Run(rest);
}

if (args is ["http", .. string[] transfer])
{
    return await HttpTransfer.RunAsync(transfer);
}

// Appends cost disk: few enough invocations that a whole run writes a few GiB. A job on the command line replaces this one.
bool hasJob = args.Any(argument => argument is "-j" or "--job" || argument.StartsWith("--job=", StringComparison.Ordinal));
IConfig config = hasJob
    ? DefaultConfig.Instance
    : DefaultConfig.Instance.AddJob(Job.Default.WithInvocationCount(32).WithWarmupCount(3).WithIterationCount(12));
bool failed = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config)
    .Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success));
return failed ? 1 : 0;
