using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// What an operation says beforehand that it will look at, which is a matter of speed alone; and whether it may share its
/// transaction with others.
/// </summary>
internal sealed record PostgresNeeds
{
    /// <summary>It works on the tables themselves, in a transaction of its own.</summary>
    public static PostgresNeeds Alone { get; } = new() { IsAlone = true };

    /// <summary>
    /// Whether it gets a transaction of its own: it reads or changes tables directly, where what others of the same
    /// transaction have changed stands only after the commit.
    /// </summary>
    public bool IsAlone { get; init; }

    /// <summary>The operation whose first answer may be kept.</summary>
    public Guid? Operation { get; init; }

    /// <summary>The upload session; its path is looked up, too.</summary>
    public Guid? Session { get; init; }

    /// <summary>Paths.</summary>
    public ImmutableArray<BigFsPath> Paths { get; init; } = [];

    /// <summary>Chunks whose owners matter.</summary>
    public IEnumerable<ChunkReference> Chunks { get; init; } = [];
}
