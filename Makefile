# maskgate: `make demo` shows the whole job, `make test` proves it.  Both build .venv from the lock file first.
VENV     := .venv
BIN      := $(VENV)/bin
# What `make model` works on; both may lie anywhere.
DATA     ?= ../shared/data
WEIGHTS  ?= ../shared/weights
YUNET    := $(WEIGHTS)/face_detection_yunet_2023mar.onnx
IMAGENET := mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_no_top.h5
SOURCES  := --faces $(DATA)/faces --frames $(DATA)/frames --detector models/face.tflite
# Left out together: what was cut from the same photos, or made by the same people.
FOLDS    := --weights $(WEIGHTS)/$(IMAGENET) --epochs 8 --fold ilc,maskon --fold macwin,k12 --fold chandrika,fairface \
            --fold talk-train,talk-val,frames,andrewmvd
PYTHON   ?= $(firstword $(shell command -v python3.11) $(shell command -v python3))
# One worker a processor; tests that share a machine stay on one.  PARALLEL= runs them one after the other.
PARALLEL ?= -n auto --dist loadgroup
# What the tests run against for real; apt names.
SYSTEM   := mosquitto openssl minisign alsa-utils espeak-ng ffmpeg systemd systemd-container mmdebstrap \
            dosfstools mtools fdisk \
            gir1.2-gst-rtsp-server-1.0 python3-gi \
            gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly

.PHONY: help setup demo test test-fast coverage docs device-test boot-test image faults scale system-packages deb wheels-matrix model unseen lint format lock clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 26

setup: $(VENV)/.ready  ## Build .venv with everything, from the lock file

$(VENV)/.deps: requirements.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "maskgate needs Python 3.11 here, found: $$($(PYTHON) --version 2>&1 || echo none). Install it: sudo apt install python3.11 python3.11-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. Install it: sudo apt install python3.11-venv" >&2; exit 1; }
	@echo "Building $(VENV): about 2 GB with TensorFlow, some minutes the first time" >&2
	@test ! -L $(VENV) || rm $(VENV)  # or the folder that it leads to would be emptied
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.ready: $(VENV)/.deps pyproject.toml
	$(BIN)/pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps -e .
	@touch $@

demo: setup  ## The whole job on a shipped clip: camera to speaker, over a real broker
	$(BIN)/maskgate demo --out out/demo

system-packages:
	@missing=$$(dpkg-query -W -f '$${db:Status-Abbrev} $${Package}\n' $(SYSTEM) 2>/dev/null | sed -n 's/^ii *//p' | \
	  { have=$$(cat); for p in $(SYSTEM); do echo "$$have" | grep -qx "$$p" || echo "$$p"; done; }); \
	test -z "$$missing" && exit 0; \
	if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "Some tests need system packages and will fail without them: sudo apt install "$$missing >&2; fi

test: setup system-packages  ## All tests, on real parts
	$(BIN)/pytest $(PARALLEL)

test-fast: setup  ## What needs no program beside Python: under 30 seconds on two processors
	@# compiled tests are kept, whatever the shell says: compiling them takes as long as half of the run
	PYTHONDONTWRITEBYTECODE= HYPOTHESIS_PROFILE=fast $(BIN)/pytest -q $(PARALLEL) -m "not slow and not process"

coverage: setup system-packages  ## The tests again, and which lines they never ran: out/coverage/index.html
	$(BIN)/pytest $(PARALLEL) --cov --cov-report=term:skip-covered --cov-report=html:out/coverage

device-test: setup system-packages  ## The arm64 package under emulation, a card for cloud-init, two builds that are the same: 15 minutes; needs root
	$(BIN)/pytest tests/device/emulated.py tests/device/cloud_init.py

faults: setup system-packages  ## Break what can break and count what arrives: four minutes, or SHORT=1; the full disk needs root
	$(BIN)/python tests/faults/run.py $(if $(SHORT),--short)

# A prerequisite gets its target's own variables: these packages and no others.
scale: SYSTEM := rabbitmq-server postgresql python3-pika python3-psycopg2
scale: setup system-packages  ## A thousand devices on a cluster of three brokers that loses one: three minutes
	$(BIN)/python tests/scale/scale.py

deb: setup  ## The package, to dist/; ARCH=amd64 or arm64; RELEASE=bookworm or trixie (Debian or Raspberry Pi OS 12 or 13)
	$(BIN)/python -m systemd.package.build_deb --out dist $(if $(ARCH),--arch $(ARCH)) $(if $(RELEASE),--release $(RELEASE))

wheels-matrix: setup  ## Which systems find wheels for what a device needs: five minutes of questions to the package index
	$(BIN)/python -m systemd.package.matrix

image: SYSTEM := mmdebstrap qemu-user-static binfmt-support kmod cpio xz-utils fdisk dosfstools mtools binutils
image: setup system-packages  ## A card for a Raspberry Pi 3 or 4 with everything on it, to dist/; needs root, ten minutes; DEB=our package
	$(BIN)/python -m systemd.image.build_image --out dist $(if $(DEB),--deb $(DEB))
	$(BIN)/maskgate image verify $$(ls -t dist/maskgate-*-arm64.img.xz | head -1)

boot-test: SYSTEM := qemu-system-arm device-tree-compiler mosquitto openssl ffmpeg fdisk dosfstools mtools cpio xz-utils
boot-test: setup system-packages  ## That card in emulated machines: first violation, outage, power cut, crash, camera, sound, pins; fifteen minutes
	$(BIN)/pytest tests/device/boot/initrd.py tests/device/boot/boot.py tests/device/boot/raspi3b.py

model: setup  ## Make the released models again, from DATA and WEIGHTS: about two hours; goes on where it was ended
	$(BIN)/mask-convert face convert --onnx $(YUNET) --calibration $(DATA)/frames/images --out build/yunet
	$(BIN)/mask-convert face train --photos $(DATA)/frames --onnx $(YUNET) --out build/face --resume
	$(BIN)/mask-convert face quantize --weights build/face/face.npz --photos $(DATA)/frames --onnx $(YUNET) --out build/face
	$(BIN)/mask-convert face release --measured build/face --original build/yunet/face.tflite --photos $(DATA)/frames --other $(DATA)/frames_ilc --out models
	$(BIN)/mask-convert prepare $(SOURCES) --out build/data
	$(BIN)/mask-convert train --data build/data --weights $(WEIGHTS)/$(IMAGENET) --out build/run --resume
	$(BIN)/mask-convert quantize --model build/run/mask.keras --data build/data --out build/run
	$(BIN)/mask-convert train --data build/data --weights $(WEIGHTS)/$(IMAGENET) --out build/all --everything --resume
	$(BIN)/mask-convert quantize --model build/all/mask.keras --data build/data --out build/all
	$(BIN)/mask-convert release --model build/run/mask.tflite --trained build/run/mask.keras --shipped build/all/mask.tflite --data build/data --out models

unseen: setup  ## What mask models are worth on sources that they never saw, the recipe before and now: hours, resumable
	$(BIN)/mask-convert prepare $(SOURCES) --corrections none --out build/data-before
	$(BIN)/mask-convert cross-validate --data build/data-before $(FOLDS) --recipe first --out build/folds/first
	$(BIN)/mask-convert prepare $(SOURCES) --out build/data
	$(BIN)/mask-convert cross-validate --data build/data $(FOLDS) --against build/folds/first --out build/folds/default --report models/mask.unseen.json

docs: setup  ## The documents: generated pages are written again, and the site, strictly, to build/docs
	$(BIN)/python -m docs.generate
	$(BIN)/sphinx-build -q -W --keep-going -n -c docs -d build/doctrees . build/docs

lint: setup  ## Style, types, direction of the imports, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check

format: setup  ## Let ruff tidy up
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## Renew the lock files (needs uv): everything, and what a device needs
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra demo --extra ops --extra convert --extra docs --extra dev pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  pyproject.toml -o requirements-device.txt

clean:  ## Remove what the other targets made
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
