using System.Text.Encodings.Web;
using System.Text.Json;
using BigFs.Core.Model;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Problems;

/// <summary>An error as HTTP says it: problem details (RFC 9457) with BigFS's code beside the status.</summary>
internal static class Problem
{
    /// <summary>The media type.</summary>
    public const string MediaType = "application/problem+json";

    /// <summary>What the types of problems begin with; a code of <see cref="BigFsErrorCode"/> follows.</summary>
    public const string TypePrefix = "urn:bigfs:error:";

    /// <summary>How long those who are told to come again should wait.</summary>
    private const string RetryAfterSeconds = "1";

    /// <summary>Nobody puts it into a page as it is: quotes need no more than JSON asks for.</summary>
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The status of a code; <c>docs/errors.md</c> has the same table.</summary>
    public static int StatusOf(BigFsErrorCode code) => code switch
    {
        BigFsErrorCode.InvalidPath or BigFsErrorCode.InvalidArgument or BigFsErrorCode.InvalidToken or BigFsErrorCode.InvalidPrecondition =>
            StatusCodes.Status400BadRequest,
        BigFsErrorCode.Unauthenticated => StatusCodes.Status401Unauthorized,
        BigFsErrorCode.NotAllowed => StatusCodes.Status403Forbidden,
        BigFsErrorCode.NotFound => StatusCodes.Status404NotFound,
        BigFsErrorCode.IsDirectory or BigFsErrorCode.NotDirectory or BigFsErrorCode.DirectoryNotEmpty or BigFsErrorCode.SessionExpired
            or BigFsErrorCode.ChunkDeleted => StatusCodes.Status409Conflict,
        BigFsErrorCode.VersionExpired => StatusCodes.Status410Gone,
        BigFsErrorCode.PreconditionFailed or BigFsErrorCode.AlreadyExists => StatusCodes.Status412PreconditionFailed,
        BigFsErrorCode.LimitExceeded => StatusCodes.Status413PayloadTooLarge,
        BigFsErrorCode.NotEnoughNodes or BigFsErrorCode.Unavailable or BigFsErrorCode.DataReadOnly => StatusCodes.Status503ServiceUnavailable,
        BigFsErrorCode.TimedOut => StatusCodes.Status504GatewayTimeout,
        BigFsErrorCode.OutOfSpace => StatusCodes.Status507InsufficientStorage,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>Answers with an error; the answer must not have begun.</summary>
    public static Task WriteAsync(HttpContext context, BigFsException error) => WriteAsync(context, error, StatusOf(error.Code));

    /// <summary>The same under another status than the code's own.</summary>
    public static async Task WriteAsync(HttpContext context, BigFsException error, int status)
    {
        HttpResponse response = context.Response;
        response.StatusCode = status;
        response.ContentType = MediaType;
        response.Headers.CacheControl = "no-store";
        if (status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = new(["Bearer realm=\"bigfs\"", "Basic realm=\"bigfs\", charset=\"UTF-8\""]);
        }
        else if (status == StatusCodes.Status503ServiceUnavailable)
        {
            response.Headers.RetryAfter = RetryAfterSeconds;
        }

        byte[] body = Body(error, status);
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static byte[] Body(BigFsException error, int status)
    {
        using var body = new MemoryStream();
        using (var writer = new Utf8JsonWriter(body, Json))
        {
            writer.WriteStartObject();
            writer.WriteString("type", TypePrefix + error.Code);
            writer.WriteString("title", Title(error.Code));
            writer.WriteNumber("status", status);
            writer.WriteString("detail", error.Message);
            writer.WriteString("code", error.Code.ToString());
            if (error.Path is { } path)
            {
                writer.WriteString("path", path);
            }

            writer.WriteBoolean("transient", error.IsTransient);
            writer.WriteEndObject();
        }

        return body.ToArray();
    }

    /// <summary>The code in words: "NotFound" is "Not found".</summary>
    private static string Title(BigFsErrorCode code)
    {
        string name = code.ToString();
        return string.Concat(name.Select((letter, i) => i > 0 && char.IsUpper(letter) ? " " + char.ToLowerInvariant(letter) : letter.ToString()));
    }
}
