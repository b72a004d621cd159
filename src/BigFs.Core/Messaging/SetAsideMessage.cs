using System.Collections.Immutable;

namespace BigFs.Core.Messaging;

/// <summary>Why a message was set aside.</summary>
public enum SetAsideReason
{
    /// <summary>Its form has a version that is not known here: a newer program speaks.</summary>
    UnknownVersion = 1,

    /// <summary>Its version is known and the event in it is not.</summary>
    UnknownEvent = 2,

    /// <summary>It is no message at all, or lacks or breaks what its event must have.</summary>
    Poison = 3,
}

/// <summary>A message that was not understood.</summary>
public sealed record SetAsideMessage
{
    /// <summary>When it came.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The topic's name, empty when it is not known.</summary>
    public required string Topic { get; init; }

    /// <summary>Where it came from: an endpoint, or a place in a log.</summary>
    public required string Source { get; init; }

    /// <summary>Why it was set aside.</summary>
    public required SetAsideReason Reason { get; init; }

    /// <summary>Its length.</summary>
    public required int Length { get; init; }

    /// <summary>Its first bytes, at most <see cref="SetAsideMessages.MostBytes"/>.</summary>
    public required ImmutableArray<byte> Head { get; init; }
}
