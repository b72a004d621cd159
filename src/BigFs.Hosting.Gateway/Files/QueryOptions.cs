using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>The options that a request gives behind its path; whatever the route does not know is refused, so that a slip is noticed.</summary>
internal sealed class QueryOptions
{
    private readonly IQueryCollection _query;

    /// <summary>Takes those of a request.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public QueryOptions(HttpRequest request, params ReadOnlySpan<string> known)
    {
        _query = request.Query;
        foreach ((string name, StringValues values) in _query)
        {
            if (!known.Contains(name))
            {
                throw Wrong(known.IsEmpty
                    ? $"The option \"{name}\" is not known; the route takes none."
                    : $"The option \"{name}\" is not known; the route takes {string.Join(", ", known.ToArray())}.");
            }

            if (values.Count != 1)
            {
                throw Wrong($"The option \"{name}\" stands there {values.Count} times.");
            }
        }
    }

    public string? Text(string name) => _query.TryGetValue(name, out StringValues values) ? values[0] : null;

    /// <summary>On by "true" or by the name alone.</summary>
    public bool Flag(string name) => Text(name) switch
    {
        null or "false" => false,
        "" or "true" => true,
        _ => throw Wrong($"The option \"{name}\" is neither true nor false."),
    };

    public int? Number(string name) => Text(name) switch
    {
        null => null,
        { } text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) => number,
        _ => throw Wrong($"The option \"{name}\" is no number."),
    };

    private static BigFsException Wrong(string sentence) => new(BigFsErrorCode.InvalidArgument, sentence);
}
