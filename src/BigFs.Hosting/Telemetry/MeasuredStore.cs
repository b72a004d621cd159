using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using System.Runtime.CompilerServices;
using BigFs.Core.Metadata;

namespace BigFs.Hosting.Telemetry;

/// <summary>
/// A metadata store whose every operation is timed and traced, whichever engine it is and whatever operations the seam comes
/// to have. It stands before the engine only while somebody listens. Thread-safe.
/// </summary>
internal class MeasuredStore : DispatchProxy
{
    private static readonly Histogram<double> Duration = BigFsTelemetry.Meter.CreateHistogram(
        "bigfs.metadata.operation.duration",
        "s",
        "Time of an operation of the metadata store, its waiting included, by \"operation\" and \"outcome\".",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets.Seconds });

    private static readonly Counter<long> EntriesListed = BigFsTelemetry.Meter.CreateCounter<long>(
        "bigfs.metadata.entries_listed", "{entry}", "Entries that listings gave.");

    private static readonly ConcurrentDictionary<MethodInfo, Operation> Operations = new();

    private IMetadataStore _store = null!;

    /// <summary>Whether anybody listens.</summary>
    public static bool IsObserved => Duration.Enabled || EntriesListed.Enabled || BigFsTelemetry.Activities.HasListeners();

    /// <summary>Makes one.</summary>
    public static IMetadataStore Over(IMetadataStore store)
    {
        IMetadataStore seam = Create<IMetadataStore, MeasuredStore>();
        ((MeasuredStore)(object)seam)._store = store;
        return seam;
    }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        Operations.GetOrAdd(targetMethod!, static method => new Operation(method)).Run(_store, args!);

    /// <summary>One operation of the seam: how it is called, and what takes the time of its kind of answer.</summary>
    private sealed class Operation
    {
        private readonly string _name;
        private readonly MethodInvoker _invoker;
        private readonly Func<Operation, IMetadataStore, object?[], object> _run;

        public Operation(MethodInfo method)
        {
            _name = method.Name.EndsWith("Async", StringComparison.Ordinal) ? method.Name[..^"Async".Length] : method.Name;
            _invoker = MethodInvoker.Create(method);
            Type answer = method.ReturnType;
            _run = answer == typeof(ValueTask)
                ? static (operation, store, arguments) => operation.RunAsync(store, arguments)
                : answer == typeof(IAsyncEnumerable<EntryPage>)
                    ? static (operation, store, arguments) => operation.StreamAsync(store, arguments, (CancellationToken)arguments[^1]!)
                    : typeof(Operation).GetMethod(nameof(RunWithAnswer), BindingFlags.NonPublic | BindingFlags.Static)!
                        .MakeGenericMethod(answer.GetGenericArguments()[0])
                        .CreateDelegate<Func<Operation, IMetadataStore, object?[], object>>();
        }

        public object Run(IMetadataStore store, object?[] arguments) => _run(this, store, arguments);

        private static object RunWithAnswer<T>(Operation operation, IMetadataStore store, object?[] arguments) =>
            operation.RunAsync<T>(store, arguments);

        private async ValueTask RunAsync(IMetadataStore store, object?[] arguments)
        {
            using Activity? activity = Begin(out long began);
            try
            {
                await ((ValueTask)_invoker.Invoke(store, arguments)!).ConfigureAwait(false);
                End(activity, began, BigFsTelemetry.Ok);
            }
            catch (Exception error)
            {
                End(activity, began, BigFsTelemetry.OutcomeOf(error));
                throw;
            }
        }

        private async ValueTask<T> RunAsync<T>(IMetadataStore store, object?[] arguments)
        {
            using Activity? activity = Begin(out long began);
            try
            {
                T answer = await ((ValueTask<T>)_invoker.Invoke(store, arguments)!).ConfigureAwait(false);
                End(activity, began, BigFsTelemetry.Ok);
                if (answer is MetadataPage page)
                {
                    EntriesListed.Add(page.Entries.Length);
                }

                return answer;
            }
            catch (Exception error)
            {
                End(activity, began, BigFsTelemetry.OutcomeOf(error));
                throw;
            }
        }

        /// <summary>Each page is an operation: the reader's own time is not the store's.</summary>
        private async IAsyncEnumerable<EntryPage> StreamAsync(
            IMetadataStore store, object?[] arguments, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            IAsyncEnumerator<EntryPage> pages =
                ((IAsyncEnumerable<EntryPage>)_invoker.Invoke(store, arguments)!).GetAsyncEnumerator(cancellationToken);
            await using (pages.ConfigureAwait(false))
            {
                while (await NextAsync(pages).ConfigureAwait(false))
                {
                    EntriesListed.Add(pages.Current.Entries.Length);
                    yield return pages.Current;
                }
            }
        }

        private async ValueTask<bool> NextAsync(IAsyncEnumerator<EntryPage> pages)
        {
            using Activity? activity = Begin(out long began);
            try
            {
                bool isMore = await pages.MoveNextAsync().ConfigureAwait(false);
                End(activity, began, BigFsTelemetry.Ok);
                return isMore;
            }
            catch (Exception error)
            {
                End(activity, began, BigFsTelemetry.OutcomeOf(error));
                throw;
            }
        }

        private Activity? Begin(out long began)
        {
            Activity? activity = BigFsTelemetry.Activities.StartActivity("bigfs.metadata " + _name);
            activity?.SetTag("bigfs.operation", _name);
            began = Stopwatch.GetTimestamp();
            return activity;
        }

        private void End(Activity? activity, long began, string outcome)
        {
            Duration.Record(
                Stopwatch.GetElapsedTime(began).TotalSeconds,
                new KeyValuePair<string, object?>("operation", _name),
                new KeyValuePair<string, object?>("outcome", outcome));
            BigFsTelemetry.End(activity, outcome);
        }
    }
}
