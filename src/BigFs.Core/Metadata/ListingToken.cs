using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace BigFs.Core.Metadata;

/// <summary>
/// Where a listing goes on, as opaque text: base64url of a format byte, 16 bytes of a hash over the listing (directory,
/// prefix, whether recursive) and the place, and the place: the last entry's path relative to the directory, in UTF-8. The
/// hash binds a token to its listing and shows damage; it is no secret, and a token grants nothing that a request would not.
/// </summary>
public static class ListingToken
{
    private const byte Format = 1;
    private const int HashLength = 16;

    // No legal path makes a longer one.
    private const int Longest = (1 + HashLength + BigFsPath.MaxPathBytes + 2) / 3 * 4;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The token that goes on after an entry.</summary>
    public static string Write(MetadataListRequest listing, string relative)
    {
        ArgumentNullException.ThrowIfNull(listing);
        byte[] place = StrictUtf8.GetBytes(relative);
        var token = new byte[1 + HashLength + place.Length];
        token[0] = Format;
        Hash(listing, place, token.AsSpan(1, HashLength));
        place.CopyTo(token, 1 + HashLength);
        return Base64Url.EncodeToString(token);
    }

    /// <summary>The place that a token of this listing goes on after.</summary>
    /// <exception cref="BigFsException">InvalidToken: it is no token, was changed, or is one of another listing.</exception>
    public static string Read(MetadataListRequest request, string token)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(token);
        byte[] bytes = token.Length <= Longest && Base64Url.IsValid(token) ? Base64Url.DecodeFromChars(token) : [];
        if (bytes.Length <= 1 + HashLength || bytes[0] != Format)
        {
            throw Invalid(request, "it was not given out by a listing");
        }

        ReadOnlySpan<byte> place = bytes.AsSpan(1 + HashLength);
        Span<byte> hash = stackalloc byte[HashLength];
        Hash(request, place, hash);
        if (!hash.SequenceEqual(bytes.AsSpan(1, HashLength)))
        {
            throw Invalid(request, "it was changed, or belongs to a listing of another directory or prefix");
        }

        try
        {
            return StrictUtf8.GetString(place);
        }
        catch (DecoderFallbackException exception)
        {
            throw Invalid(request, "it was not given out by a listing", exception);
        }
    }

    private static void Hash(MetadataListRequest listing, ReadOnlySpan<byte> place, Span<byte> hash)
    {
        byte[] head = Encoding.UTF8.GetBytes($"{listing.Directory}\0{listing.Prefix}\0{(listing.Recursive ? 'r' : 'f')}\0");
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData([.. head, .. place], whole);
        whole[..HashLength].CopyTo(hash);
    }

    private static BigFsException Invalid(MetadataListRequest request, string why, Exception? inner = null) =>
        new(BigFsErrorCode.InvalidToken, $"The continuation token for \"{request.Directory}\" is not valid: {why}.", inner)
        {
            Path = request.Directory.ToString(),
        };
}
