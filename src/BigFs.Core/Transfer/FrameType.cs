namespace BigFs.Core.Transfer;

/// <summary>What a frame carries. Requests are below 16, what follows or answers them above.</summary>
internal enum FrameType : byte
{
    /// <summary>Request: <see cref="WriteRequest"/>, followed by data frames.</summary>
    Write = 1,

    /// <summary>Request: <see cref="ReadRequest"/>.</summary>
    Read = 2,

    /// <summary>Payload bytes of a write or a read.</summary>
    Data = 16,

    /// <summary>The server still works on the request; no message.</summary>
    Waiting = 17,

    /// <summary>Answer: <see cref="WriteAnswer"/>.</summary>
    Written = 18,

    /// <summary>Answer: <see cref="ReadAnswer"/>, followed by data frames.</summary>
    Reading = 19,

    /// <summary>Answer: <see cref="ErrorAnswer"/>; ends the request.</summary>
    Error = 21,
}
