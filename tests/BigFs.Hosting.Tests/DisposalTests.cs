using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests;

public sealed class DisposalTests
{
    [Test]
    public async Task Every_part_is_disposed_in_order_and_the_first_exception_is_thrown()
    {
        var disposed = new List<int>();
        IAsyncDisposable?[] parts = [Part(1), null, Part(2), Part(3)];

        InvalidOperationException error =
            (await Assert.ThrowsAsync<InvalidOperationException>(async () => await Disposal.OfAllAsync(parts)))!;

        Assert.That(error.Message, Is.EqualTo("1"));
        Assert.That(disposed, Is.EqualTo(new[] { 1, 2, 3 }));

        IAsyncDisposable Part(int number)
        {
            var part = new Mock<IAsyncDisposable>();
            part.Setup(one => one.DisposeAsync()).Returns(() =>
            {
                disposed.Add(number);
                return number < 3 ? ValueTask.FromException(new InvalidOperationException($"{number}")) : ValueTask.CompletedTask;
            });
            return part.Object;
        }
    }
}
