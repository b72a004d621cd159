using System.Collections.Immutable;

namespace BigFs.Hosting.Check;

/// <summary>Counts findings and tells the first of each kind. Not thread-safe.</summary>
/// <param name="tell">Where they go.</param>
/// <param name="mostOfAKind">How many of each kind are told.</param>
internal sealed class CheckReport(Func<BigFsFinding, ValueTask> tell, int mostOfAKind)
{
    private readonly SortedDictionary<BigFsFindingKind, long> _counts = [];

    /// <summary>How many of each kind there were.</summary>
    public ImmutableSortedDictionary<BigFsFindingKind, long> Counts => _counts.ToImmutableSortedDictionary();

    /// <summary>Whether another one of the kind would be told.</summary>
    public bool IsTold(BigFsFindingKind kind) => _counts.GetValueOrDefault(kind) < mostOfAKind;

    /// <summary>Counts a finding, and tells it if it is among the first of its kind.</summary>
    public async ValueTask AddAsync(BigFsFinding finding)
    {
        bool isTold = IsTold(finding.Kind);
        _counts[finding.Kind] = _counts.GetValueOrDefault(finding.Kind) + 1;
        if (isTold)
        {
            await tell(finding).ConfigureAwait(false);
        }
    }
}
