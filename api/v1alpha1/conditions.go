package v1alpha1

// Types of the conditions of a ContainerLease. Each is present from the first
// status on, has positive polarity unless said otherwise, and carries a reason
// of the constants below it.
const (
	// ConditionAccepted says whether the class allows the lease. False is terminal:
	// the lease ends as ProvisioningFailed.
	ConditionAccepted = "Accepted"
	// ConditionProvisioned says whether the lease's container exists as the spec asks,
	// limits included. Unknown or False while it is being made or put right.
	ConditionProvisioned = "Provisioned"
	// ConditionReady says whether the container runs and can be used.
	ConditionReady = "Ready"
	// ConditionFinished says whether the lease has ended. Once True it stays True.
	// It is neither good nor bad news by itself: the reason says which.
	ConditionFinished = "Finished"
	// ConditionBilled says whether the billing record of an ended lease is written. Once
	// True it stays True.
	ConditionBilled = "Billed"
)

// Reasons of ConditionAccepted.
const (
	// ReasonAccepted (True): the class allows the lease; its pricing is pinned.
	ReasonAccepted = "Accepted"
	// ReasonClassNotFound (False): the class does not exist (any more).
	ReasonClassNotFound = "ClassNotFound"
	// ReasonNotAllowed (False): the class does not allow the image or the size (any more).
	ReasonNotAllowed = "NotAllowed"
)

// Reasons of ConditionProvisioned.
const (
	// ReasonPending (Unknown): nothing has been done yet.
	ReasonPending = "Pending"
	// ReasonPulling (False): the image is being pulled; the message shows the progress.
	ReasonPulling = "Pulling"
	// ReasonPullFailed (False): the image could not be pulled; retried with back-off.
	ReasonPullFailed = "PullFailed"
	// ReasonCreating (False): the container is being created or started.
	ReasonCreating = "Creating"
	// ReasonCreateFailed (False): the engine refused to create the container; retried with back-off.
	ReasonCreateFailed = "CreateFailed"
	// ReasonStartFailed (False): the engine could not start the container, for example
	// because the command does not exist; retried with back-off.
	ReasonStartFailed = "StartFailed"
	// ReasonResizing (False): the limits in force are not yet those of the spec.
	ReasonResizing = "Resizing"
	// ReasonResizeFailed (False): the engine refused the limits; retried with back-off.
	ReasonResizeFailed = "ResizeFailed"
	// ReasonEngineUnavailable (False): the container engine does not answer; retried with back-off.
	ReasonEngineUnavailable = "EngineUnavailable"
	// ReasonProvisioned (True): the container exists with the limits of the spec.
	ReasonProvisioned = "Provisioned"
	// ReasonDeadlineExceeded (False): it took longer than spec.provisioningDeadlineSeconds.
	ReasonDeadlineExceeded = "DeadlineExceeded"
	// ReasonRemoved (False): the lease has ended and its container is gone.
	ReasonRemoved = "Removed"
)

// Reasons of ConditionReady.
const (
	// ReasonRunning (True): the container runs.
	ReasonRunning = "Running"
	// ReasonProvisioning (False): there is no running container yet.
	ReasonProvisioning = "Provisioning"
	// ReasonSuspending (False): the container is being stopped by spec.operatingMode.
	ReasonSuspending = "Suspending"
	// ReasonSuspended (False): the container is stopped by spec.operatingMode.
	ReasonSuspended = "Suspended"
	// ReasonResuming (False): the container is being started again.
	ReasonResuming = "Resuming"
	// ReasonTerminating (False): the container is being stopped for good.
	ReasonTerminating = "Terminating"
	// ReasonFinished (False): the lease has ended.
	ReasonFinished = "Finished"
)

// ReasonNotFinished is the reason of ConditionFinished while it is False. When it
// is True, the reason is the FinishReason.
const ReasonNotFinished = "NotFinished"

// Reasons of ConditionBilled.
const (
	// ReasonNotFinishedYet (False): the lease has not ended.
	ReasonNotFinishedYet = "NotFinishedYet"
	// ReasonBillPending (False): the lease has ended; its record is being written.
	ReasonBillPending = "BillPending"
	// ReasonBilled (True): the record is written.
	ReasonBilled = "Billed"
)
