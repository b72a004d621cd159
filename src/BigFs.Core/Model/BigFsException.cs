namespace BigFs;

/// <summary>
/// The one exception family of BigFS. <see cref="OperationCanceledException"/> is thrown only for the caller's own
/// token, and exceptions of the caller's own streams pass through unwrapped.
/// </summary>
public sealed class BigFsException : Exception
{
    /// <summary>Makes an exception of a code and a sentence that names the input and says what would be right.</summary>
    public BigFsException(BigFsErrorCode code, string message, Exception? innerException = null)
        : base(message, innerException) => Code = code;

    /// <summary>What went wrong.</summary>
    public BigFsErrorCode Code { get; }

    /// <summary>The path that the operation was about, or null.</summary>
    public string? Path { get; init; }

    /// <summary>The endpoint that was asked last, or null.</summary>
    public string? Endpoint { get; init; }

    /// <summary>How often the step that failed was tried; 1 or more.</summary>
    public int Attempts { get; init; } = 1;

    /// <summary>Whether the same call may succeed later without any change by the caller.</summary>
    public bool IsTransient => Code is BigFsErrorCode.Unavailable or BigFsErrorCode.TimedOut
        or BigFsErrorCode.NotEnoughNodes or BigFsErrorCode.OutOfSpace or BigFsErrorCode.SessionExpired;
}
