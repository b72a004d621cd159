using BigFs.Core.Metadata;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Metadata;

internal sealed class ListingTokenTests
{
    [Test]
    public void A_token_goes_on_where_its_page_ended()
    {
        string token = ListingToken.Write(Listing(), "päßworð/x");

        Assert.That(ListingToken.Read(Listing() with { After = "ignored", Limit = 7 }, token), Is.EqualTo("päßworð/x"));
    }

    [Test]
    public void The_longest_path_makes_a_token()
    {
        string place = string.Join('/', Enumerable.Repeat(new string('n', 255), 16))[..(BigFsPath.MaxPathBytes - 2)];

        Assert.That(ListingToken.Read(Listing(), ListingToken.Write(Listing(), place)), Is.EqualTo(place));
    }

    [Test]
    public void A_token_of_another_listing_is_refused()
    {
        string token = ListingToken.Write(Listing(), "n");
        MetadataListRequest[] others =
        [
            Listing() with { Directory = "/d/x" },
            Listing() with { Directory = "/" },
            Listing() with { Prefix = "" },
            Listing() with { Prefix = "p2" },
            Listing() with { Recursive = true },
        ];

        Assert.That(others.Select(other => Code(other, token)), Has.All.EqualTo(BigFsErrorCode.InvalidToken));
    }

    [Test]
    public void Garbage_is_no_token() =>
        Gen.String.Sample(text => Code(Listing(), text) == BigFsErrorCode.InvalidToken, iter: 1000);

    [Test]
    public void A_token_with_any_character_changed_is_refused()
    {
        string token = ListingToken.Write(Listing(), "päßworð");
        for (int i = 0; i < token.Length; i++)
        {
            string forged = token[..i] + (token[i] == 'A' ? 'B' : 'A') + token[(i + 1)..];

            Assert.That(Code(Listing(), forged), Is.EqualTo(BigFsErrorCode.InvalidToken), $"at {i}");
        }
    }

    private static MetadataListRequest Listing() => new() { Directory = "/d", Prefix = "p" };

    private static BigFsErrorCode? Code(MetadataListRequest request, string token)
    {
        try
        {
            ListingToken.Read(request, token);
            return null;
        }
        catch (BigFsException exception)
        {
            return exception.Code;
        }
    }
}
