using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace BigFs.Internal;

/// <summary>
/// Where a listing goes on, as opaque text: base64url of a format byte, 16 bytes of a hash of directory and prefix, and
/// the last name in UTF-8. The hash binds a token to its listing; it is no secret and grants nothing.
/// </summary>
internal static class ListingToken
{
    private const byte Format = 1;
    private const int HashLength = 16;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The token that goes on after a name.</summary>
    public static string Write(BigFsPath directory, string prefix, string after)
    {
        byte[] name = StrictUtf8.GetBytes(after);
        var token = new byte[1 + HashLength + name.Length];
        token[0] = Format;
        Hash(directory, prefix).CopyTo(token.AsSpan(1));
        name.CopyTo(token, 1 + HashLength);
        return Base64Url.EncodeToString(token);
    }

    /// <summary>The name that a token goes on after.</summary>
    /// <exception cref="BigFsException">InvalidArgument: it is no token, or one of another listing.</exception>
    public static string Read(string token, BigFsPath directory, string prefix)
    {
        // No legal name makes a longer one.
        const int longest = (1 + HashLength + BigFsPath.MaxNameBytes + 2) / 3 * 4;
        byte[] bytes = token.Length <= longest && Base64Url.IsValid(token) ? Base64Url.DecodeFromChars(token) : [];
        if (bytes.Length <= 1 + HashLength || bytes[0] != Format)
        {
            throw Invalid(directory, "it was not given out by a listing");
        }

        if (!bytes.AsSpan(1, HashLength).SequenceEqual(Hash(directory, prefix)))
        {
            throw Invalid(directory, "it belongs to a listing of another directory or prefix");
        }

        try
        {
            string name = StrictUtf8.GetString(bytes.AsSpan(1 + HashLength));
            _ = BigFsPath.Root / name;
            return name;
        }
        catch (Exception exception) when (exception is DecoderFallbackException or BigFsException)
        {
            throw Invalid(directory, "it was not given out by a listing", exception);
        }
    }

    private static ReadOnlySpan<byte> Hash(BigFsPath directory, string prefix) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{directory}\0{prefix}")).AsSpan(0, HashLength);

    private static BigFsException Invalid(BigFsPath directory, string why, Exception? inner = null) =>
        new(BigFsErrorCode.InvalidArgument, $"The continuation token for \"{directory}\" is not valid: {why}.", inner)
        {
            Path = directory.ToString(),
        };
}
