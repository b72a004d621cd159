using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>
/// What a cluster's capabilities rest on: one random key of 32 bytes that signs and, during a rotation, a second one that
/// is accepted as well. Who signs knows it; a datanode needs only the keys derived for itself. Its text is never logged.
/// Immutable.
/// </summary>
public sealed class ClusterSecret
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    /// <summary>Most keys that live at a time: the one that signs and another one.</summary>
    public const int MaxKeys = 2;

    /// <summary>Says what a derived key is for (RFC 5869, info), so that it is good for nothing else.</summary>
    private static ReadOnlySpan<byte> Purpose => "BigFS capability v1"u8;

    private static ReadOnlySpan<byte> RolePurpose => "BigFS role call v1"u8;

    private readonly ImmutableArray<(uint Id, byte[] Key)> _keys;

    private ClusterSecret(ImmutableArray<(uint Id, byte[] Key)> keys) => _keys = keys;

    /// <summary>The id of the key that signs.</summary>
    public uint SigningKeyId => _keys[0].Id;

    /// <summary>A new secret of one key, number 1.</summary>
    /// <param name="random">32 bytes from a cryptographic source.</param>
    public static ClusterSecret Create(ReadOnlySpan<byte> random) => new([(1, Checked(random))]);

    /// <summary>
    /// Reads a secret: one or two of "number:64 hexadecimal digits", apart by white space or commas; the first signs. Lines
    /// that begin with '#' are for people.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="source">Where it came from, for the error.</param>
    /// <exception cref="BigFsException">InvalidSettings: it is none; the message has nothing of the text.</exception>
    public static ClusterSecret Parse(string text, string source)
    {
        ArgumentNullException.ThrowIfNull(text);
        var keys = ImmutableArray.CreateBuilder<(uint Id, byte[] Key)>(MaxKeys);
        foreach (string line in text.Split('\n').Where(line => !line.TrimStart().StartsWith('#')))
        {
            foreach (string word in line.Split([' ', '\t', '\r', ','], StringSplitOptions.RemoveEmptyEntries))
            {
                int colon = word.IndexOf(':', StringComparison.Ordinal);
                if (colon < 1
                    || !uint.TryParse(word.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out uint id)
                    || id == 0
                    || word.Length - colon - 1 != 2 * KeyBytes
                    || !word.AsSpan(colon + 1).ContainsOnlyHex())
                {
                    throw Illegal(source);
                }

                keys.Add((id, Convert.FromHexString(word.AsSpan(colon + 1))));
            }
        }

        return keys.Count is >= 1 and <= MaxKeys && keys.DistinctBy(key => key.Id).Count() == keys.Count
            ? new ClusterSecret(keys.ToImmutable())
            : throw Illegal(source);
    }

    /// <summary>The secret as <see cref="Parse"/> reads it: a line a key.</summary>
    public string Format()
    {
        var text = new StringBuilder();
        foreach ((uint id, byte[] key) in _keys)
        {
            text.Append(CultureInfo.InvariantCulture, $"{id}:{Convert.ToHexStringLower(key)}\n");
        }

        return text.ToString();
    }

    /// <summary>The keys of a datanode: all that it needs to check capabilities, and no help for another node's.</summary>
    public NodeKeys KeysOf(NodeId node) => new(node, [.. _keys.Select(key => (key.Id, Derive(key.Id, key.Key, node)))]);

    /// <summary>Which keys it has, not what they are.</summary>
    public override string ToString() => $"cluster secret with the keys {string.Join(", ", _keys.Select(key => key.Id))}";

    /// <summary>The signing key as derived for a node.</summary>
    internal byte[] SigningKeyOf(NodeId node) => Derive(_keys[0].Id, _keys[0].Key, node);

    /// <summary>The signing key of one role's calls on another, and on one node where the other is a datanode.</summary>
    internal byte[] SigningRoleKey(byte caller, byte callee, ReadOnlySpan<byte> node) =>
        DeriveForRoles(_keys[0].Id, _keys[0].Key, caller, callee, node);

    /// <summary>The same of a key in use; null when there is none of this number.</summary>
    internal byte[]? RoleKey(uint keyId, byte caller, byte callee, ReadOnlySpan<byte> node)
    {
        foreach ((uint id, byte[] key) in _keys)
        {
            if (id == keyId)
            {
                return DeriveForRoles(id, key, caller, callee, node);
            }
        }

        return null;
    }

    /// <summary>The key of a permutation: of the lowest number in use, since it should rarely change.</summary>
    /// <param name="purpose">What it is for.</param>
    internal byte[] PermutationKey(string purpose)
    {
        (_, byte[] key) = _keys.MinBy(one => one.Id);
        var derived = new byte[KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, derived, salt: [], Encoding.UTF8.GetBytes(purpose));
        return derived;
    }

    private static byte[] DeriveForRoles(uint id, byte[] key, byte caller, byte callee, ReadOnlySpan<byte> node)
    {
        Span<byte> info = stackalloc byte[RolePurpose.Length + sizeof(uint) + 2 + Capability.NodeBytes];
        info.Clear();
        RolePurpose.CopyTo(info);
        Span<byte> rest = info[RolePurpose.Length..];
        BinaryPrimitives.WriteUInt32LittleEndian(rest, id);
        rest[4] = caller;
        rest[5] = callee;
        node.CopyTo(rest[6..]);
        var derived = new byte[KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, derived, salt: [], info);
        return derived;
    }

    /// <summary>HKDF-SHA256 (RFC 5869) without salt; the key's number and the node are part of its info.</summary>
    private static byte[] Derive(uint id, byte[] key, NodeId node)
    {
        Span<byte> info = stackalloc byte[Purpose.Length + sizeof(uint) + Capability.NodeBytes];
        Purpose.CopyTo(info);
        BinaryPrimitives.WriteUInt32LittleEndian(info[Purpose.Length..], id);
        Capability.WriteNode(node, info[(Purpose.Length + sizeof(uint))..]);
        var derived = new byte[KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, derived, salt: [], info);
        return derived;
    }

    private static byte[] Checked(ReadOnlySpan<byte> random) => random.Length == KeyBytes
        ? random.ToArray()
        : throw new ArgumentException($"{KeyBytes} bytes are expected.", nameof(random));

    private static BigFsException Illegal(string source) => new(
        BigFsErrorCode.InvalidSettings,
        $"{source} holds no cluster secret: one or two of \"number:64 hexadecimal digits\" with different numbers are expected.");
}

/// <summary>What text is made of.</summary>
internal static class HexText
{
    /// <summary>Whether there is nothing but hexadecimal digits.</summary>
    public static bool ContainsOnlyHex(this ReadOnlySpan<char> text) => text.IndexOfAnyExcept("0123456789abcdefABCDEF") < 0;
}
