using BigFs.Hosting.Tests.Metadata.Histories;

namespace BigFs.Hosting.Tests.Metadata.Models;

/// <summary>What has become of a session; that it has expired is a matter of the clock.</summary>
internal enum ModelSessionState
{
    Open,
    Committed,
    Aborted,
}

/// <summary>An upload session of the model.</summary>
/// <param name="id">Its id.</param>
/// <param name="begin">What it was opened for; null when many small files share it.</param>
/// <param name="created">When, in ticks.</param>
internal sealed class ModelSession(Guid id, BeginCall? begin, long created)
{
    public Guid Id => id;

    public BeginCall? Begin => begin;

    public long Created => created;

    public ModelSessionState State { get; set; }

    /// <summary>When it ends unless it is renewed, in ticks.</summary>
    public long Expires { get; set; } = created + MetadataModel.SessionLife.Ticks;

    /// <summary>How long its record is kept, in ticks; later it may be gone.</summary>
    public long KeepUntil { get; set; } = created + MetadataModel.SessionLife.Ticks + MetadataModel.Retention.Ticks;

    public bool IsOpen(long now) => State == ModelSessionState.Open && now < Expires;
}
