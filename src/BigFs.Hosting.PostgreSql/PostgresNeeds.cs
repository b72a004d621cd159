using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

/// <summary>What an operation says beforehand that it will look at; a matter of speed alone.</summary>
internal sealed record PostgresNeeds
{
    /// <summary>It says nothing.</summary>
    public static PostgresNeeds Nothing { get; } = new();

    /// <summary>The operation whose first answer may be kept.</summary>
    public Guid? Operation { get; init; }

    /// <summary>The upload session; its path is looked up, too.</summary>
    public Guid? Session { get; init; }

    /// <summary>Paths.</summary>
    public ImmutableArray<BigFsPath> Paths { get; init; } = [];

    /// <summary>Chunks whose owners matter.</summary>
    public IEnumerable<ChunkReference> Chunks { get; init; } = [];
}
