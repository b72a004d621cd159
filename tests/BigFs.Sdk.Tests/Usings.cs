global using BigFs.Core.Model;
global using BigFs.Core.Storage;
global using BigFs.Sdk.Tests.Fakes;
global using NUnit.Framework;
