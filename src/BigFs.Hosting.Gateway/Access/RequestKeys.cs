using System.Text;
using BigFs.Core.Security;
using BigFs.Hosting.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace BigFs.Hosting.Gateway.Access;

/// <summary>Finds out who makes a request, by its header Authorization.</summary>
internal static class RequestKeys
{
    private const string Basic = "Basic ";

    /// <summary>Who makes it, when the key has one of the rights.</summary>
    /// <exception cref="BigFsException">Unauthenticated, NotAllowed, Unavailable.</exception>
    public static async ValueTask<Caller> CallerOfAsync(AccessGate gate, HttpRequest request, AccessRights anyOf, CancellationToken cancellationToken)
    {
        if (gate.Keys is not { } keys)
        {
            return Caller.Anybody;
        }

        string? text = KeyIn(request.Headers.Authorization);
        AccessKeyRecord key = await keys.CheckAsync(text, cancellationToken).ConfigureAwait(false);
        CallAccess.Require(key, anyOf);
        return new Caller(key, text);
    }

    /// <summary>
    /// The key that a header holds: "Bearer KEY" (RFC 6750), or the password of "Basic" (RFC 7617), whatever the name. Text that is no key
    /// when the header is of another form, or stands there twice; null when there is none.
    /// </summary>
    public static string? KeyIn(StringValues authorization)
    {
        if (authorization.Count != 1 || authorization[0] is not { } header)
        {
            return authorization.Count == 0 ? null : "";
        }

        if (!header.StartsWith(Basic, StringComparison.OrdinalIgnoreCase))
        {
            return AccessGate.KeyIn(header);
        }

        byte[] bytes = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[Basic.Length..].Trim(), bytes, out int length))
        {
            return "";
        }

        string pair = Encoding.UTF8.GetString(bytes, 0, length);
        return pair[(pair.IndexOf(':', StringComparison.Ordinal) + 1)..];
    }
}
