namespace BigFs.Core.Transfer;

/// <summary>What a frame carries. Requests are below 16, what follows or answers them above.</summary>
internal enum FrameType : byte
{
    /// <summary>Request: <see cref="WriteRequest"/>, followed by data frames.</summary>
    Write = 1,

    /// <summary>Request: <see cref="ReadRequest"/>.</summary>
    Read = 2,

    /// <summary>Request: <see cref="VerifyRequest"/>.</summary>
    Verify = 3,

    /// <summary>Request: <see cref="CopyRequest"/>.</summary>
    CopyVolume = 4,

    /// <summary>Payload bytes of a write, a read or a copy.</summary>
    Data = 16,

    /// <summary>The server still works on the request; no message.</summary>
    Waiting = 17,

    /// <summary>Answer: <see cref="WriteAnswer"/>.</summary>
    Written = 18,

    /// <summary>Answer: <see cref="ReadAnswer"/>, followed by data frames.</summary>
    Reading = 19,

    /// <summary>Answer: <see cref="VerifyAnswer"/>; ends the request.</summary>
    Verified = 20,

    /// <summary>Answer: <see cref="ErrorAnswer"/>; ends the request.</summary>
    Error = 21,

    /// <summary>Part of an answer: <see cref="CopiedChunk"/>, followed by data frames.</summary>
    Copying = 22,

    /// <summary>Answer: <see cref="CopyAnswer"/>; ends the request.</summary>
    Copied = 23,
}
