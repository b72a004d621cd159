using BigFs.Core.Security;
using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary><c>DELETE /v1/files/{path}</c>: removes a file or a directory, with all it holds when that is asked for.</summary>
internal sealed class DeleteFile(CallerClients clients)
{
    public async Task InvokeAsync(HttpContext context)
    {
        BigFsPath path = TargetPath.Of(context, FileRoutes.Files);
        var query = new QueryOptions(context.Request, "recursive");
        var conditions = Conditions.Of(context.Request);
        Caller caller = RouteDoor.CallerOf(context);
        using CallerClients.Lease lease = clients.Rent(caller);
        var options = new DeleteOptions
        {
            Recursive = query.Flag("recursive"),
            Version = conditions.AreAny ? await VersionAsync(lease.Client, caller, path, conditions, context.RequestAborted) : null,
        };
        if (!await lease.Client.DeleteAsync(path, options, context.RequestAborted))
        {
            throw FileErrors.NotFound(path);
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async ValueTask<BigFsVersion?> VersionAsync(
        IBigFsClient client, Caller caller, BigFsPath path, Conditions conditions, CancellationToken cancellationToken) =>
        caller.Key is { } key && !key.Rights.HasFlag(AccessRights.Read)
            ? conditions.OfBlindWrite(path).Version
            : conditions.CheckWrite(path, await client.FindAsync(path, cancellationToken)).Version;
}
