using System.Security.Authentication;
using BigFs.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>
/// The one mapper between <see cref="BigFsException"/> and gRPC's errors. The status says roughly what happened, for
/// people with other tools; the trailer carries the error itself.
/// </summary>
internal static class WireErrors
{
    /// <summary>The trailer with an <see cref="ErrorDetail"/>.</summary>
    public const string Trailer = "bigfs-error-bin";

    /// <summary>Longest message that travels; header blocks have a size limit, and a path may stand in it twice.</summary>
    private const int MaxMessageLength = 2000;

    /// <summary>The error as it travels.</summary>
    public static RpcException ToRpc(BigFsException error)
    {
        var trailers = new Metadata { { Trailer, ToDetail(error).ToByteArray() } };
        return new RpcException(new Status(StatusOf(error.Code), error.Code.ToString()), trailers);
    }

    /// <summary>The error itself as it travels, in a trailer or as an answer on a stream.</summary>
    public static ErrorDetail ToDetail(BigFsException error)
    {
        var detail = new ErrorDetail
        {
            Code = (int)error.Code,
            Message = error.Message.Length <= MaxMessageLength ? error.Message : error.Message[..MaxMessageLength],
            Attempts = error.Attempts,
        };
        if (error.Path is { } path)
        {
            detail.Path = path;
        }

        if (error.Endpoint is { } endpoint)
        {
            detail.Endpoint = endpoint;
        }

        return detail;
    }

    /// <summary>The error that the other side sent; null when it sent none (the failure is the transport's own).</summary>
    public static BigFsException? Sent(RpcException error, string endpoint)
    {
        if (error.Trailers.GetValueBytes(Trailer) is not { } bytes)
        {
            return null;
        }

        ErrorDetail detail;
        try
        {
            detail = ErrorDetail.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException damaged)
        {
            return new BigFsException(
                BigFsErrorCode.Internal, $"{endpoint} sent an error that cannot be read.", damaged)
            { Endpoint = endpoint };
        }

        return FromDetail(detail, endpoint, error);
    }

    /// <summary>The error that the other side sent.</summary>
    public static BigFsException FromDetail(ErrorDetail detail, string endpoint, Exception? inner = null)
    {
        var code = (BigFsErrorCode)detail.Code;
        return new BigFsException(Enum.IsDefined(code) ? code : BigFsErrorCode.Internal, detail.Message, inner)
        {
            Path = detail.HasPath ? detail.Path : null,
            Endpoint = detail.HasEndpoint ? detail.Endpoint : endpoint,
            Attempts = Math.Max(1, detail.Attempts),
        };
    }

    /// <summary>Whether the endpoint could not be reached or the connection broke, so that another may be tried.</summary>
    public static bool IsUnreachable(RpcException error) =>
        error.StatusCode is StatusCode.Unavailable or StatusCode.Unimplemented
        || error.Status.DebugException is HttpRequestException or IOException;

    /// <summary>A failure of the transport, or of a server that sent no detail, as ours.</summary>
    public static BigFsException FromTransport(RpcException error, string role, string endpoint, int attempts)
    {
        (BigFsErrorCode code, string sentence) = error.StatusCode switch
        {
            _ when IsUnreachable(error) => Unreachable(error, role, endpoint),
            StatusCode.DeadlineExceeded or StatusCode.Cancelled =>
                (BigFsErrorCode.TimedOut, $"The {role} at {endpoint} did not answer in time."),
            StatusCode.ResourceExhausted => (BigFsErrorCode.LimitExceeded,
                $"A message to or from the {role} at {endpoint} exceeds {ControlLimits.MaxMessageBytes} bytes."),
            _ => (BigFsErrorCode.Internal, $"The {role} at {endpoint} failed ({error.Status.Detail})."),
        };
        return new BigFsException(code, sentence, error) { Endpoint = endpoint, Attempts = attempts };
    }

    /// <summary>The gRPC status that fits a code.</summary>
    public static StatusCode StatusOf(BigFsErrorCode code) => code switch
    {
        BigFsErrorCode.InvalidPath or BigFsErrorCode.InvalidArgument or BigFsErrorCode.InvalidSettings
            or BigFsErrorCode.InvalidToken or BigFsErrorCode.InvalidPrecondition => StatusCode.InvalidArgument,
        BigFsErrorCode.NotFound => StatusCode.NotFound,
        BigFsErrorCode.AlreadyExists => StatusCode.AlreadyExists,
        BigFsErrorCode.IsDirectory or BigFsErrorCode.NotDirectory or BigFsErrorCode.DirectoryNotEmpty
            or BigFsErrorCode.PreconditionFailed or BigFsErrorCode.VersionExpired or BigFsErrorCode.SessionExpired
            or BigFsErrorCode.WrongCluster or BigFsErrorCode.DataInUse or BigFsErrorCode.AddressInUse
            or BigFsErrorCode.ChunkDeleted or BigFsErrorCode.DataTooNew or BigFsErrorCode.DataReadOnly => StatusCode.FailedPrecondition,
        BigFsErrorCode.LimitExceeded or BigFsErrorCode.OutOfSpace or BigFsErrorCode.NotEnoughNodes =>
            StatusCode.ResourceExhausted,
        BigFsErrorCode.NotAllowed => StatusCode.PermissionDenied,
        BigFsErrorCode.Unauthenticated => StatusCode.Unauthenticated,
        BigFsErrorCode.Unavailable => StatusCode.Unavailable,
        BigFsErrorCode.TimedOut => StatusCode.DeadlineExceeded,
        BigFsErrorCode.Damaged or BigFsErrorCode.DataUnreadable => StatusCode.DataLoss,
        _ => StatusCode.Internal,
    };

    private static (BigFsErrorCode Code, string Sentence) Unreachable(RpcException error, string role, string endpoint)
    {
        string reason = error.StatusCode == StatusCode.Unimplemented
            ? "what listens there does not serve this role"
            : ReasonOf(error.Status.DebugException);
        return (BigFsErrorCode.Unavailable, $"The {role} at {endpoint} cannot be reached: {reason}.");
    }

    private static string ReasonOf(Exception? transport) => transport?.GetBaseException() switch
    {
        null => "the connection broke",
        AuthenticationException refused =>
            $"it speaks no TLS, or its certificate is not one of the authority's ({refused.Message.TrimEnd('.')})",
        IOException broken when IsInHandshake(transport) =>
            $"it speaks no TLS, or did not accept this side's certificate ({broken.Message.TrimEnd('.')})",
        // The client of HTTP/2 loses what its connection was told, when that ends while a call waits for it to begin.
        HttpRequestException early when early.Message.Contains("HTTP/2 handshake", StringComparison.Ordinal) =>
            $"it hung up before a word; where it is encrypted, {FirstWordStream.Remedy}",
        { } other => other.Message.TrimEnd('.'),
    };

    private static bool IsInHandshake(Exception transport)
    {
        for (Exception? one = transport; one is not null; one = one.InnerException)
        {
            if (one is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError })
            {
                return true;
            }
        }

        return false;
    }
}
