namespace BigFs.Hosting;

/// <summary>What people may know of a client's key.</summary>
public sealed record BigFsAccessKey
{
    /// <summary>Its public name, 16 hexadecimal digits: what it is revoked by.</summary>
    public required string Id { get; init; }

    /// <summary>What people call it.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it lists directories and reads files.</summary>
    public bool CanRead { get; init; }

    /// <summary>Whether it uploads, makes directories, moves and deletes.</summary>
    public bool CanWrite { get; init; }

    /// <summary>Whether it manages keys and looks after the cluster.</summary>
    public bool CanAdminister { get; init; }

    /// <summary>The directory that its owner sees as "/", as the one sees it who asked.</summary>
    public BigFsPath Root { get; init; }

    /// <summary>When it was made, UTC; the cluster's clock.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>When it ends by itself, UTC; null: never.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>When it was revoked, UTC; null: it was not.</summary>
    public DateTimeOffset? Revoked { get; init; }
}
