"""Any sequence of merges, un-merges and property changes agrees with a model of a few lines."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundswell.core.ids import new_id
from groundswell.features.people import api
from groundswell.features.people.types import PropertyChange, Seen

from .conftest import AT

IDS = ("a", "b", "c", "d", "e")
which = st.integers(0, len(IDS) - 1)
name = st.sampled_from(("x", "y"))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("set"), which, name, st.integers(0, 3)),
        st.tuples(st.just("once"), which, name, st.integers(0, 3)),
        st.tuples(st.just("unset"), which, name),
        st.tuples(st.just("merge"), which, which),
        st.tuples(st.just("identify"), which, which),
        st.tuples(st.just("undo"), st.integers(0, 30)),
    ),
    max_size=24,
)


class Model:
    """Every id is a person; a merge is an edge to a root, an un-merge takes the edge away."""

    def __init__(self, ids):
        self.parent = {}
        self.children = {key: [] for key in ids}
        self.own = {key: {} for key in ids}
        self.hidden = {key: set() for key in ids}
        self.named = set()
        self.log = []

    def root(self, key):
        while key in self.parent:
            key = self.parent[key]
        return key

    def inside(self, key):
        return {key}.union(*[self.inside(child) for child in self.children[key]])

    def shown(self, key):
        found = {}
        for child in self.children[key]:
            found = self.shown(child) | found
        found = {n: v for n, v in found.items() if n not in self.hidden[key]}
        return found | self.own[key]

    def identified(self, key):
        return bool(self.inside(self.root(key)) & self.named)

    def set(self, key, n, value):
        self.own[self.root(key)][n] = value

    def once(self, key, n, value):
        if n not in self.shown(self.root(key)):
            self.set(key, n, value)

    def unset(self, key, n):
        root = self.root(key)
        if n not in self.shown(root):
            return
        self.own[root].pop(n, None)
        if self.children[root]:
            self.hidden[root].add(n)

    def merge(self, one, other):
        winner, loser = self.root(one), self.root(other)
        if winner == loser:
            return False
        self.parent[loser] = winner
        self.children[winner].append(loser)
        self.log.append([loser, winner, True])
        return True

    def identify(self, anonymous, key):
        refused = self.root(anonymous) != self.root(key) and self.identified(anonymous)
        self.named.add(key)
        if not refused:
            return self.merge(key, anonymous)
        return False

    def undo(self, index):
        loser, winner, stands = self.log[index]
        if stands:
            self.log[index][2] = False
            del self.parent[loser]
            self.children[winner].remove(loser)
            if not self.children[winner]:
                self.hidden[winner].clear()


async def perform(tx, model, merges, ids, operation):
    kind, *rest = operation
    if kind == "undo":
        if merges:
            index = rest[0] % len(merges)
            await api.unmerge(tx, merges[index])
            model.undo(index)
        return
    key = ids[rest[0]]
    if kind in ("merge", "identify"):
        other = ids[rest[1]]
        if key == other:
            return
        if kind == "identify":
            linked = await api.identify(tx, key, other, AT)
            is_new = model.identify(key, other)
        else:
            found = await api.resolve(tx, {each: Seen(AT, AT) for each in (key, other)})
            is_new = model.merge(key, other)
            if found[key].person_id == found[other].person_id:
                assert not is_new
                return
            linked, _ = await api.merge(tx, found[key].person_id, found[other].person_id, "test")
        assert (linked.merge_id is not None) == is_new
        if is_new:
            merges.append(linked.merge_id)
        return
    change = {
        "set": lambda: PropertyChange(key, AT, set={rest[1]: rest[2]}),
        "once": lambda: PropertyChange(key, AT, set_once={rest[1]: rest[2]}),
        "unset": lambda: PropertyChange(key, AT, unset=(rest[1],)),
    }[kind]()
    await api.set_properties(tx, [change])
    getattr(model, kind)(key, *rest[1:])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations)
async def test_people_are_what_the_model_says(tenant, platform, sequence):
    """PostgreSQL and the overrides on their way to the event store, after every step."""
    ids = [f"{key}-{new_id()}" for key in IDS]
    model, merges = Model(ids), []
    async with platform.postgres.transaction(tenant.scope) as tx:
        await api.resolve(tx, {key: Seen(AT, AT) for key in ids})
    for operation in sequence:
        async with platform.postgres.transaction(tenant.scope) as tx:
            await perform(tx, model, merges, ids, operation)
    async with platform.postgres.transaction(tenant.scope) as tx:
        found = await api.resolve(tx, {key: Seen(AT, AT) for key in ids})
        overrides = dict(
            await tx.rows(
                "select distinct on (row ->> 'person_key') (row ->> 'person_key')::bigint,"
                " (row ->> 'canonical_key')::bigint from outbox"
                " where tenant_id = %s and target = 'person_overrides'"
                " order by row ->> 'person_key', (row ->> 'version')::bigint desc",
                (tenant.id,),
            )
        )
    for key in ids:
        root = model.root(key)
        assert found[key].person_key == found[root].own_key
        assert found[key].properties == model.shown(root)
        assert found[key].is_identified == model.identified(key)
        assert overrides.get(found[key].own_key, found[key].own_key) == found[root].own_key
