using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using BigFs.Core.Chunking;

namespace BigFs.Benchmarks;

/// <summary>
/// A client and a server with blocking sockets and a thread: so many bytes there, their checksum back. The client's
/// <see cref="Send"/> returns with it.
/// </summary>
internal sealed class RawExchange : IDisposable
{
    private readonly Socket _client = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _answer = new byte[sizeof(uint)];
    private readonly Thread _server;

    public RawExchange(int size)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client.Connect(listener.LocalEndPoint!);
        Socket accepted = listener.Accept();
        accepted.NoDelay = true;
        _server = new Thread(() => Serve(accepted, size)) { IsBackground = true };
        _server.Start();
    }

    public uint Send(ReadOnlySpan<byte> payload)
    {
        while (payload.Length > 0)
        {
            payload = payload[_client.Send(payload)..];
        }

        return Fill(_client, _answer)
            ? BinaryPrimitives.ReadUInt32LittleEndian(_answer)
            : throw new InvalidOperationException("The server went away.");
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Join();
    }

    private static void Serve(Socket socket, int size)
    {
        var buffer = new byte[size];
        var answer = new byte[sizeof(uint)];
        using (socket)
        {
            while (Fill(socket, buffer))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(answer, Crc32C.Compute(buffer));
                socket.Send(answer);
            }
        }
    }

    private static bool Fill(Socket socket, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            int count = socket.Receive(buffer);
            if (count == 0)
            {
                return false;
            }

            buffer = buffer[count..];
        }

        return true;
    }
}
