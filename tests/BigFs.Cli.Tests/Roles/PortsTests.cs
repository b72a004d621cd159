using System.Net;
using System.Net.Sockets;
using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Roles;

internal sealed class PortsTests
{
    [Test]
    public void A_port_that_is_taken_or_spoken_for_is_passed_over()
    {
        int first = Ports.NextFree(Ports.Anywhere, []);
        using var listener = new TcpListener(IPAddress.Loopback, first);
        listener.Start();

        int second = Ports.NextFree(first, []);
        int third = Ports.NextFree(first, [second]);

        Assert.That((second > first, third > second), Is.EqualTo((true, true)));
    }
}
