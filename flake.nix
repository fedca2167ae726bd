# wob as a flake: the command, a shell to work on it, and trees as derivations. See docs/guides/nix.md.
{
  description = "A build system from GitOps control planes to hashed manifest trees";

  # wob needs the Rust that Cargo.toml names as `rust-version`; this branch has it.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forAllSystems = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      manifest = builtins.fromTOML (builtins.readFile ./Cargo.toml);

      # The command. Its tests need git and much time, so they are a check of their own.
      package =
        pkgs:
        pkgs.rustPlatform.buildRustPackage {
          pname = "wob";
          version = manifest.workspace.package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          cargoBuildFlags = [
            "--package"
            "wob"
          ];
          # curl and the TLS library are built from C.
          nativeBuildInputs = [
            pkgs.cmake
            pkgs.perl
          ];
          dontUseCmakeConfigure = true;
          doCheck = false;
          meta = {
            description = manifest.package.description;
            mainProgram = "wob";
          };
        };

      # The tree of one environment, as a derivation: no network, and nothing but `src` and `inputs` is read.
      #
      #   src       a workspace of the folders layout, such as `self` or `./fleet`
      #   env       the name of the environment
      #   inputs    what is read instead of the repositories that the workspace names: address -> path
      #   system    where it is built; only matters where nothing else says it
      #   pkgs, wob what it is built with
      #
      # It fails if anything is wrong with the sources: a store holds no half trees.
      renderEnv =
        {
          src,
          env,
          inputs ? { },
          system ? builtins.currentSystem or "x86_64-linux",
          pkgs ? nixpkgs.legacyPackages.${system},
          wob ? package pkgs,
        }:
        let
          overrides = nixpkgs.lib.concatMap (address: [
            "--override-input"
            "${address}=${inputs.${address}}"
          ]) (builtins.attrNames inputs);
          arguments = nixpkgs.lib.escapeShellArgs (
            [
              "build"
              "//env:${env}"
              "-C"
              "${src}"
              "--offline"
              "--strict"
            ]
            ++ overrides
          );
        in
        pkgs.runCommandLocal "wob-tree-${env}" { nativeBuildInputs = [ wob ]; } ''
          export HOME="$TMPDIR"
          wob ${arguments} -o "$out"
        '';
    in
    {
      packages = forAllSystems (pkgs: {
        default = package pkgs;
      });

      apps = forAllSystems (pkgs: {
        default = {
          type = "app";
          program = "${package pkgs}/bin/wob";
        };
      });

      devShells = forAllSystems (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ (package pkgs) ];
          packages = [
            pkgs.cargo
            pkgs.clippy
            pkgs.git
            pkgs.rustc
            pkgs.rustfmt
          ];
        };
      });

      lib = {
        inherit renderEnv;
      };

      checks = forAllSystems (pkgs: {
        tests = (package pkgs).overrideAttrs (old: {
          doCheck = true;
          nativeCheckInputs = (old.nativeCheckInputs or [ ]) ++ [ pkgs.git ];
        });
        fleet = renderEnv {
          inherit pkgs;
          src = ./examples/fleet;
          env = "stage";
        };
      });
    };
}
