using BigFs.Core.Security;
using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>
/// <c>PUT /v1/files/{path}</c>: a file appears whole, or nothing changes. Whatever can be refused is refused before the body is read,
/// so that who sends <c>Expect: 100-continue</c> need not send it.
/// </summary>
internal sealed class PutFile(CallerClients clients, BodyLoad load)
{
    public async Task InvokeAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        BigFsPath path = TargetPath.Of(context, FileRoutes.Files);
        if (path.IsRoot)
        {
            throw FileErrors.IsDirectory(path);
        }

        var query = new QueryOptions(request, "replicas");
        RefuseParts(request);
        var conditions = Conditions.Of(request);
        using ReprDigest? digest = ReprDigest.Of(request);
        Caller caller = RouteDoor.CallerOf(context);
        using CallerClients.Lease lease = clients.Rent(caller);
        using BodyLoad.Body body = load.Enter(isUpload: true);
        (UploadPrecondition precondition, bool isNew) = await CheckAsync(lease.Client, caller, path, conditions, context.RequestAborted);
        var options = new UploadOptions
        {
            Replicas = query.Number("replicas"),
            Concurrency = load.Concurrency,
            Precondition = precondition,
            ContentType = request.ContentType,
            Progress = body,
        };
        if (digest?.Kept is { } kept)
        {
            options.Metadata[ReprDigest.MetadataName] = kept;
        }

        UploadResult result = await lease.Client.UploadAsync(path, new UploadBody(request, digest, body), options, context.RequestAborted);
        FileAnswer.Identify(context.Response.Headers, result.File);
        if (isNew)
        {
            context.Response.Headers.Location = FileRoutes.LocationOf(path);
        }

        await FileAnswer.WriteJsonAsync(context, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK, writer =>
        {
            FileAnswer.WriteEntry(writer, result.File);
            FileAnswer.WriteReceipt(writer, result.Receipt);
        });
    }

    /// <summary>What stands there decides about preconditions; who may only write is told nothing of it.</summary>
    private static async ValueTask<(UploadPrecondition Precondition, bool IsNew)> CheckAsync(
        IBigFsClient client, Caller caller, BigFsPath path, Conditions conditions, CancellationToken cancellationToken)
    {
        if (caller.Key is { } key && !key.Rights.HasFlag(AccessRights.Read))
        {
            UploadPrecondition blind = conditions.OfBlindWrite(path);
            return (blind, blind.RequiresAbsence);
        }

        BigFsEntry? current = await client.FindAsync(path, cancellationToken);
        UploadPrecondition precondition = conditions.CheckWrite(path, current);
        return current is BigFsDirectory ? throw FileErrors.IsDirectory(path) : (precondition, current is null);
    }

    private static void RefuseParts(HttpRequest request)
    {
        if (request.Headers.ContentRange.Count > 0)
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, "A part of a file cannot be written (Content-Range): files are replaced whole.");
        }

        if (request.Headers.ContentEncoding.Count > 0 && request.Headers.ContentEncoding != "identity")
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, "A content is kept as it is sent, and its Content-Encoding would be lost: send it without, or as a file of its own type.");
        }
    }
}
