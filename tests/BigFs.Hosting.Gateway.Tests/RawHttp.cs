using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BigFs.Hosting.Gateway.Tests;

/// <summary>Requests as they are, byte by byte: nothing of a target is changed on the way.</summary>
internal static class RawHttp
{
    /// <summary>Sends a request on a connection of its own and returns all that is answered.</summary>
    public static async Task<(int Status, string Answer)> SendAsync(
        string door, string method, string target, string? key = null, byte[]? body = null, params string[] headers)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPEndPoint.Parse(door));
        await using NetworkStream stream = socket.GetStream();
        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n");
        foreach (string header in headers.Concat(key is null ? [] : ["Authorization: Bearer " + key]))
        {
            head.Append(header).Append("\r\n");
        }

        if (body is not null)
        {
            head.Append(System.Globalization.CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n");
        }

        await stream.WriteAsync(Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()));
        if (body is not null)
        {
            await stream.WriteAsync(body);
        }

        using var reader = new StreamReader(stream, Encoding.UTF8);
        string answer = await reader.ReadToEndAsync();
        return (int.Parse(answer.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture), answer);
    }
}
