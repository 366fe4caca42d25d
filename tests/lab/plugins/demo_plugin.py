"""A plugin whose creations succeed, fail or wait by the property `how`."""

from pulumi.provider.experimental import provider

from lab.plugins.base import BasePlugin, auto_name
from lab.plugins.errors import InitError, InvalidInputError, PluginError
from lab.plugins.serve import serve
from lab.plugins.values import Properties, plain


class Plugin(BasePlugin):
    package = "demo"

    async def check(self, request):
        values = plain(request.new_inputs)
        if "wrong" in values:
            raise InvalidInputError("thing", ["a is wrong", "b is wrong"])
        if request.type != "demo:index:Thing":
            return await super().check(request)
        return provider.CheckResponse(Properties({**values, "name": auto_name(request, digits=8)}).to_wire())

    async def diff(self, request):
        return provider.DiffResponse(changes=request.old_inputs != request.new_inputs)

    async def create(self, request):
        how = plain(request.properties)["how"]
        if how == "fail":
            raise PluginError("nothing today", fix="come back")
        if how == "break":
            raise ZeroDivisionError("a fault")
        if how == "half":
            raise InitError("not ready", resource_id="id-1", properties=request.properties, inputs=request.properties)
        if how == "wait":
            await self.cancelled.wait()
            raise PluginError("cancelled")
        await self.engine.warn("careful", urn=request.urn)
        return provider.CreateResponse("id-1", request.properties)


serve(Plugin(), "1.2.3")
