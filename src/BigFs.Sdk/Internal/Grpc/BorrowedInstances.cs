using System.Collections.Immutable;

namespace BigFs.Internal.Grpc;

/// <summary>A source that several connections share: disposing this one leaves it to the others.</summary>
internal sealed class BorrowedInstances : InstanceSource
{
    private readonly InstanceSource _source;

    public BorrowedInstances(InstanceSource source)
    {
        _source = source;
        _source.Changed += TellChanged;
    }

    public override bool IsFixed => _source.IsFixed;

    public override ImmutableArray<string> Known => _source.Known;

    public override ValueTask<ImmutableArray<string>> GetAsync(
        TimeSpan limit, bool patient, CancellationToken cancellationToken) => _source.GetAsync(limit, patient, cancellationToken);

    public override ValueTask DisposeAsync()
    {
        _source.Changed -= TellChanged;
        return ValueTask.CompletedTask;
    }
}
