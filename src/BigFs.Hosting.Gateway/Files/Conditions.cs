using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>What a request wants to be so before it is carried out (RFC 9110, section 13). Immutable.</summary>
internal sealed class Conditions
{
    private readonly EntityTags? _match;
    private readonly EntityTags? _noneMatch;
    private readonly DateTimeOffset? _modifiedSince;
    private readonly DateTimeOffset? _unmodifiedSince;

    private Conditions(IHeaderDictionary headers)
    {
        _match = EntityTags.Read("If-Match", headers.IfMatch);
        _noneMatch = EntityTags.Read("If-None-Match", headers.IfNoneMatch);
        _modifiedSince = Date(headers.IfModifiedSince);
        _unmodifiedSince = Date(headers.IfUnmodifiedSince);
    }

    /// <summary>Whether there is any for a request that changes something.</summary>
    public bool AreAny => _match is not null || _noneMatch is not null || _unmodifiedSince is not null;

    /// <summary>Reads them.</summary>
    /// <exception cref="BigFsException">InvalidPrecondition.</exception>
    public static Conditions Of(HttpRequest request) => new(request.Headers);

    /// <summary>The date of a header; null when there is none, or nothing that is one, which is then passed over.</summary>
    public static DateTimeOffset? Date(string? header) =>
        DateTimeOffset.TryParseExact(header, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date) ? date : null;

    /// <summary>Checks them for a request that reads.</summary>
    /// <returns>Whether the caller has what stands there already: nothing more is to be sent.</returns>
    /// <exception cref="BigFsException">PreconditionFailed.</exception>
    public bool CheckRead(BigFsFile file)
    {
        RequireMatch(file, file.Path);
        return _noneMatch is { } none ? none.Lists(file.Version, weakly: true) : _modifiedSince >= Seconds(file.Modified);
    }

    /// <summary>Whether what is absent meets them, for a request that reads.</summary>
    /// <exception cref="BigFsException">PreconditionFailed.</exception>
    public void CheckAbsent(BigFsPath path) => RequireMatch(null, path);

    /// <summary>Checks them for a request that changes something, and says what is to hold still when it happens.</summary>
    /// <param name="path">The path.</param>
    /// <param name="current">What stands there; null for nothing.</param>
    /// <exception cref="BigFsException">PreconditionFailed.</exception>
    public UploadPrecondition CheckWrite(BigFsPath path, BigFsEntry? current)
    {
        var file = current as BigFsFile;
        RequireMatch(file, path);
        if (_noneMatch is { } none && (none.Any ? current is not null : file is not null && none.Lists(file.Version, weakly: true)))
        {
            throw Failed(path, "stands there, and If-None-Match asks for another one, or for none");
        }

        return !AreAny ? UploadPrecondition.Anything
            : file is not null ? UploadPrecondition.Is(file.Version)
            : UploadPrecondition.Absent;
    }

    /// <summary>The same for a caller who may not read what stands there: as far as it can be told without.</summary>
    /// <exception cref="BigFsException">NotAllowed.</exception>
    public UploadPrecondition OfBlindWrite(BigFsPath path) => (_match, _noneMatch, _unmodifiedSince) switch
    {
        (null, null, null) => UploadPrecondition.Anything,
        (null, { Any: true }, null) => UploadPrecondition.Absent,
        ({ Only: { } only }, null, null) => UploadPrecondition.Is(only),
        _ => throw new BigFsException(
            BigFsErrorCode.NotAllowed, "This precondition needs the right to read: without it, \"If-None-Match: *\" and one tag of If-Match are taken.")
        {
            Path = path.ToString(),
        },
    };

    private void RequireMatch(BigFsFile? file, BigFsPath path)
    {
        if (_match is { } match ? file is null || !match.Lists(file.Version, weakly: false) : file is not null && _unmodifiedSince < Seconds(file.Modified))
        {
            throw Failed(path, file is null ? "is not there, and If-Match asks for a version of it" : "has another version than the one that is asked for");
        }
    }

    /// <summary>HTTP's dates have no fractions.</summary>
    private static DateTimeOffset Seconds(DateTimeOffset time) => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerSecond));

    private static BigFsException Failed(BigFsPath path, string what) =>
        new(BigFsErrorCode.PreconditionFailed, $"\"{path}\" {what}.") { Path = path.ToString() };
}
