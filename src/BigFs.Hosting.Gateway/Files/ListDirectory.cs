using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary><c>GET /v1/list/{path}</c>: a page of a directory.</summary>
internal sealed class ListDirectory(CallerClients clients)
{
    public async Task InvokeAsync(HttpContext context)
    {
        BigFsPath path = TargetPath.Of(context, FileRoutes.List, mayEndWithSlash: true);
        var query = new QueryOptions(context.Request, "recursive", "pageSize", "continuationToken", "prefix", "startAfter");
        var options = new ListOptions
        {
            Recursive = query.Flag("recursive"),
            ContinuationToken = query.Text("continuationToken"),
            Prefix = query.Text("prefix"),
            StartAfter = query.Text("startAfter"),
        };
        options.PageSize = query.Number("pageSize") ?? options.PageSize;
        using CallerClients.Lease lease = clients.Rent(RouteDoor.CallerOf(context));
        BigFsPage page = await lease.Client.ListPageAsync(path, options, context.RequestAborted);
        context.Response.Headers.CacheControl = "private, no-cache";
        await FileAnswer.WriteJsonAsync(context, StatusCodes.Status200OK, writer =>
        {
            writer.WriteString("path", path.ToString());
            writer.WriteStartArray("entries");
            foreach (BigFsEntry entry in page.Entries)
            {
                writer.WriteStartObject();
                FileAnswer.WriteEntry(writer, entry);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            if (page.ContinuationToken is { } token)
            {
                writer.WriteString("continuationToken", token);
            }
        });
    }
}
