using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>What the cluster keeps of a client's key; not the key.</summary>
public sealed record AccessKeyRecord
{
    /// <summary>Longest name, in bytes of UTF-8: 255.</summary>
    public const int MaxNameBytes = 255;

    /// <summary>The key's public name, 16 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>SHA-256 of the key's text.</summary>
    public required ImmutableArray<byte> Hash { get; init; }

    /// <summary>What people call it; need not be the only one of that name.</summary>
    public required string Name { get; init; }

    /// <summary>What it allows.</summary>
    public required AccessRights Rights { get; init; }

    /// <summary>The directory that its owner sees as "/".</summary>
    public required BigFsPath Root { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>When it ends by itself; null: never.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>When it was revoked; null: it was not.</summary>
    public DateTimeOffset? Revoked { get; init; }

    /// <summary>Checks what was given by somebody.</summary>
    /// <exception cref="BigFsException">InvalidArgument, with the rule that is broken.</exception>
    public void Check()
    {
        Require(AccessKey.IsId(Id), $"a key's id has {AccessKey.IdLength} hexadecimal digits");
        Require(Hash is { IsDefault: false, Length: SHA256.HashSizeInBytes }, $"a key's hash has {SHA256.HashSizeInBytes} bytes");
        Require(
            Name.Length > 0 && !Name.AsSpan().ContainsAnyInRange('\0', '\x1f') && Encoding.UTF8.GetByteCount(Name) <= MaxNameBytes,
            $"a key's name has 1 to {MaxNameBytes} bytes and no control characters");
        Require(
            Rights != AccessRights.None && (Rights & ~AccessRights.All) == 0, "a key has one or more of the rights read, write and admin");
        Require(Expires is not { } end || end > Created, "a key expires after it was made");
    }

    /// <summary>Without the hash, which is nobody's business either.</summary>
    public override string ToString() => $"access key {Id}";

    private static void Require(bool holds, string rule)
    {
        if (!holds)
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, $"The access key is not valid: {rule}.");
        }
    }
}
