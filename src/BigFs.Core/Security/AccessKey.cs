using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>
/// A client's key as its owner has it: <c>bigfs_</c>, an id of 16 hexadecimal digits that names it, <c>_</c>, and 32 random
/// bytes in base64url that prove it. Kept by nobody but its owner: the cluster keeps a SHA-256 of the text. A fast hash is
/// right here, for there is nothing to guess: 256 random bits are out of reach at any speed, and a slow hash, which is made
/// for passwords that people choose, would let everyone who sends wrong keys burn the server's time. Immutable; what it
/// is written to shows the id alone.
/// </summary>
public sealed class AccessKey
{
    /// <summary>Random bytes of a key.</summary>
    public const int SecretBytes = 32;

    /// <summary>Random bytes of its id.</summary>
    public const int IdBytes = 8;

    /// <summary>Characters of an id.</summary>
    public const int IdLength = 2 * IdBytes;

    /// <summary>What every key begins with, so that people and scanners know one.</summary>
    public const string Prefix = "bigfs_";

    /// <summary>Characters of a key.</summary>
    public const int TextLength = 6 + IdLength + 1 + SecretLength;

    private const int SecretLength = 43;

    private readonly string _text;

    private AccessKey(string text) => _text = text;

    /// <summary>Its public name.</summary>
    public string Id => _text.Substring(Prefix.Length, IdLength);

    /// <summary>Makes a key of random bytes from a cryptographic source.</summary>
    /// <param name="random"><see cref="IdBytes"/> and <see cref="SecretBytes"/>.</param>
    public static AccessKey Create(ReadOnlySpan<byte> random)
    {
        if (random.Length != IdBytes + SecretBytes)
        {
            throw new ArgumentException($"{IdBytes + SecretBytes} bytes are expected.", nameof(random));
        }

        return new AccessKey(
            $"{Prefix}{Convert.ToHexStringLower(random[..IdBytes])}_{Base64Url.EncodeToString(random[IdBytes..])}");
    }

    /// <summary>Reads a key; null for anything else. Nothing says what is wrong with it, which might be a secret.</summary>
    public static AccessKey? TryParse(string? text) =>
        text is { Length: TextLength }
        && text.StartsWith(Prefix, StringComparison.Ordinal)
        && IsId(text.AsSpan(Prefix.Length, IdLength))
        && text[Prefix.Length + IdLength] == '_'
        && text.AsSpan(TextLength - SecretLength).IndexOfAnyExcept(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") < 0
            ? new AccessKey(text)
            : null;

    /// <summary>Whether a text is written as an id is.</summary>
    public static bool IsId(ReadOnlySpan<char> text) =>
        text.Length == IdLength && text.IndexOfAnyExcept("0123456789abcdef") < 0;

    /// <summary>What the cluster keeps of it.</summary>
    public ImmutableArray<byte> Hash() => [.. SHA256.HashData(Encoding.ASCII.GetBytes(_text))];

    /// <summary>Whether it is the key of a hash; takes the same time either way.</summary>
    public bool Is(ImmutableArray<byte> hash)
    {
        Span<byte> own = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.ASCII.GetBytes(_text), own);
        return CryptographicOperations.FixedTimeEquals(own, hash.AsSpan());
    }

    /// <summary>The key itself: for its owner's eyes and for the header that proves it.</summary>
    public string Reveal() => _text;

    /// <summary>Which key it is, without what proves it.</summary>
    public override string ToString() => $"access key {Id}";
}
