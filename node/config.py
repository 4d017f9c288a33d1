"""One node's configuration: a TOML file, any setting overridden by an environment variable ZKCLEAR_….

Paths are relative to the file's folder. Secrets (validator key, committee share) stand in files of their own with mode
0600, never in the configuration.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from node.errors import ConfigInvalid

_SQLITE: Final = "sqlite:///"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PeerSettings(_Strict):
    """Another validator: hex address, host and port of its peer server."""

    address: str = Field(pattern=r"^[0-9a-f]{40}$")
    host: str
    port: int = Field(ge=1, le=65535)


class ChainSettings(_Strict):
    """This node's own connection to one chain; `aggregators` maps a feed to its contract's hex address.

    `surfaces`: whether these contracts also quote forwards and smiles (`node.oracle.surface_feed`).
    """

    chain_id: int
    rpc: str
    aggregators: dict[str, str] = Field(default_factory=dict)
    surfaces: bool = False


class ListenSettings(_Strict):
    """Where a server listens; loopback unless the operator says otherwise."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)


class NodeConfig(BaseSettings):
    """All settings of a node."""

    model_config = SettingsConfigDict(env_prefix="ZKCLEAR_", env_nested_delimiter="__", extra="forbid", frozen=True)

    folder: Path
    """Where relative paths begin; set by `load_config`."""
    genesis: Path = Path("genesis.json")
    rotations: list[Path] = Field(default_factory=list)
    """The certified rotations of the validators since genesis, in order (`zkclear node rotation`)."""
    validator_key: Path = Path("validator.key")
    """Hex of the secp256k1 secret that signs votes, actions, observations and transactions."""
    committee_share: Path = Path("committee.share")
    """Hex of the encoded key share."""
    ceremony: Path = Path("ceremony.json")
    """What the members of a key ceremony agreed on beforehand; only `zkclear node ceremony` reads it."""
    ceremony_state: Path = Path("ceremony.state")
    """This member's secret side of a ceremony under way, removed at its end."""
    committee: Path = Path("committee.key")
    """Hex of the committee's public key: what a ceremony leaves for the genesis document."""
    identity: Path = Path("identity")
    """Folder with certificate.pem, authority.pem and tls-key.pem of the peer network."""
    api_certificate: Path | None = None
    """PEM chain of the client services; without one they are not encrypted, which is for loopback only."""
    api_key: Path | None = None
    store_url: str = "sqlite:///node.db"
    logarithms: Path = Path("logarithms.bin")
    """Cache of the table that opens defaulted accounts."""
    feed_chain: int
    """Chain whose aggregators this node reads."""
    chains: list[ChainSettings]
    peers: list[PeerSettings]
    peer_listen: ListenSettings = ListenSettings()
    api_listen: ListenSettings = ListenSettings()
    operator_listen: ListenSettings = ListenSettings()
    metrics_listen: ListenSettings | None = None
    batch_interval: float = Field(default=0.1, gt=0)
    """Least seconds between the finality of a batch and the proposal of the next."""
    proposer_timeout: float = Field(default=0.75, gt=0)
    observation_timeout: float = Field(default=1.0, gt=0)
    poll_interval: float = Field(default=0.1, gt=0)
    checkpoint_interval: float = Field(default=600.0, gt=0)
    """Seconds between two looks at each vault's newest checkpoint. A vault that nobody shows one for its `exit_after`
    seconds lets owners leave by force, so this must be well below that and below its `challenge`."""
    workers: int = Field(default=1, ge=1)
    """Processes for proofs and logarithms."""
    log_level: str = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file, which comes as arguments."""
        return env_settings, init_settings

    def path(self, path: Path) -> Path:
        """A path of the configuration, from the configuration's folder."""
        return path if path.is_absolute() else self.folder / path


def store_url(config: NodeConfig) -> str:
    """The store's URL; a relative SQLite path starts at the configuration's folder."""
    url = config.store_url
    if not url.startswith(_SQLITE) or url in (_SQLITE, f"{_SQLITE}:memory:"):
        return url
    return f"{_SQLITE}{config.folder / url.removeprefix(_SQLITE)}"


def load_config(path: Path) -> NodeConfig:
    """The configuration in a TOML file.

    Raises:
        ConfigInvalid: the file cannot be read or is not TOML, or a setting is unknown, missing or out of range.
    """
    try:
        settings: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return NodeConfig(**{"folder": path.parent.resolve(), **settings})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigInvalid("file", str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigInvalid(".".join(map(str, first["loc"])), first["msg"]) from error
